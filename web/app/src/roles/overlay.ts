/** The picture that an answer is about, on a canvas that is large enough for lines and letters. */
import { imageInput } from '../contract.ts';
import { drawInput } from '../picture.ts';
import { part, type Scene } from './role.ts';

// In pixels of the canvas; small pictures are enlarged without smoothing.
const LEAST = 480;
// Okabe and Ito's colours, which people with every kind of colour vision tell apart.
const COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7', '#999999'];

/** Returns the colour of a class. */
export function colourOf(index: number): string {
  // The golden angle puts further hues far from their neighbours.
  return COLOURS[index] ?? `hsl(${Math.round(index * 137.5) % 360} 70% 55%)`;
}

/**
 * Returns a canvas in the element with the scene's picture; without one, it is an empty area with
 * the proportions that are given.
 */
export function pictured(
  element: HTMLElement,
  scene: Scene,
  proportions: readonly [height: number, width: number],
): CanvasRenderingContext2D {
  const canvas = part(element, 'canvas', 'overlay');
  canvas.role = 'img';
  const input = imageInput(scene.contract);
  const values = input && scene.inputs[input.name];
  const [height, width] = values ? (input.shape as [number, number]) : proportions;
  const scale = Math.max(1, Math.ceil(LEAST / Math.max(height, width)));
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const context = canvas.getContext('2d')!;
  context.imageSmoothingEnabled = false;
  if (values) {
    const small = document.createElement('canvas');
    drawInput(small, values as ArrayLike<number | string>, input);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }
  return context;
}
