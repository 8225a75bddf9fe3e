/** Samples as small pictures, or as their numbers where they have none. */
import { type Contract, type Example, imageInput } from './contract.ts';
import { drawInput } from './picture.ts';

export function face(contract: Contract, example: Example, index: number): Node {
  const input = imageInput(contract);
  if (!input) return document.createTextNode(String(index + 1));
  const canvas = document.createElement('canvas');
  drawInput(canvas, example.inputs[input.name]!, input);
  return canvas;
}
