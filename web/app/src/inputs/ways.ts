/** How inputs are given. A site's page has the ways that its model's inputs need: see bundle/lean.ts. */
import { renderFields } from './fields.ts';
import { connectPictures } from './pictures.ts';

interface Ways {
  readonly fields?: typeof renderFields;
  readonly pictures?: typeof connectPictures;
}

export const WAYS: Ways = { fields: renderFields, pictures: connectPictures };
