/** All roles by name. A site's page has those of its model: see bundle/lean.ts. */
import { binary } from './binary.ts';
import { classification } from './classification.ts';
import { detection } from './detection.ts';
import { embedding } from './embedding.ts';
import { multi_label } from './multi_label.ts';
import { regression } from './regression.ts';
import type { Role } from './role.ts';
import { segmentation } from './segmentation.ts';
import { tensor } from './tensor.ts';

export const ROLES: Readonly<Record<string, Role>> = {
  binary,
  classification,
  detection,
  embedding,
  multi_label,
  regression,
  segmentation,
  tensor,
};
