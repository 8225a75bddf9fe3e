/** A class for each pixel: a mask over the picture, and how much of it each class covers. */
import type { OutputSpec } from '../contract.ts';
import { percent } from '../numbers.ts';
import { renderLegend } from './legend.ts';
import { colourOf, pictured } from './overlay.ts';
import { part, type Role } from './role.ts';

const OPACITY = 0.6;
const MOST = 12;

export const segmentation: Role = {
  verdict({ outputs: [spec] }, answer) {
    const shares = sharesOf(maskOf(spec!, answer[spec!.name]!));
    const largest = shares.slice(0, 3).map(([index, share]) => `${nameOf(spec!, index)} ${percent(share)}`);
    return largest.join(' · ');
  },

  draw(element, { outputs: [spec] }, { answer, scene }) {
    const [height, width] = spec!.shape as [number, number];
    const context = pictured(element, scene, [height, width]);
    const list = part(element, 'ul', 'legend');
    if (!answer) return;
    const mask = maskOf(spec!, answer[spec!.name]!);
    const { canvas } = context;
    // In grey, so that the colours are those of the legend.
    context.globalCompositeOperation = 'saturation';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
    context.globalAlpha = OPACITY;
    context.drawImage(coloured(mask, height, width), 0, 0, canvas.width, canvas.height);
    const shares = sharesOf(mask);
    canvas.ariaLabel = `Mask over the picture: ${shares.length} classes`;
    const entries = shares.slice(0, MOST).map(([index, share]) => ({
      colour: colourOf(index),
      label: nameOf(spec!, index),
      figure: percent(share),
    }));
    renderLegend(list, entries);
  },

  truth: () => '',
};

/** Returns the class of each pixel; with one value for each, whether it is above the threshold. */
export function maskOf({ shape, threshold }: OutputSpec, values: readonly number[]): Uint16Array {
  const classes = shape[2] ?? 1;
  const mask = new Uint16Array(values.length / classes);
  for (let pixel = 0; pixel < mask.length; pixel++) {
    const at = pixel * classes;
    if (classes === 1) mask[pixel] = Number(values[at]! > threshold);
    for (let index = 1; index < classes; index++) {
      if (values[at + index]! > values[at + mask[pixel]!]!) mask[pixel] = index;
    }
  }
  return mask;
}

/** Returns the classes that occur, with their share of the pixels; the largest comes first. */
export function sharesOf(mask: Uint16Array): [index: number, share: number][] {
  const counts = new Map<number, number>();
  for (const index of mask) counts.set(index, (counts.get(index) ?? 0) + 1);
  return [...counts]
    .map(([index, count]): [number, number] => [index, count / mask.length])
    .sort(([, one], [, other]) => other - one);
}

function nameOf({ labels, shape }: OutputSpec, index: number): string {
  return labels[index] ?? (shape[2] === 1 ? ['No', 'Yes'][index]! : `Class ${index}`);
}

function coloured(mask: Uint16Array, height: number, width: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  const colours = new Map<number, number[]>();
  for (const [pixel, index] of mask.entries()) {
    const known = colours.get(index) ?? bytesOf(colourOf(index), context);
    colours.set(index, known);
    image.data.set(known, pixel * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Returns red, green, blue and alpha: a canvas gives each opaque colour back as #rrggbb. */
function bytesOf(colour: string, context: CanvasRenderingContext2D): number[] {
  context.fillStyle = colour;
  const digits = context.fillStyle.slice(1).match(/../g)!;
  return [...digits.map((each) => Number.parseInt(each, 16)), 255];
}
