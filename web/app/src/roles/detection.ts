/** Boxes around things: drawn over the picture with their numbers, and listed as text. */
import { type Answer, imageInput, type OutputSpec } from '../contract.ts';
import { largest, percent, shown } from '../numbers.ts';
import { renderLegend } from './legend.ts';
import { colourOf, pictured } from './overlay.ts';
import { type Head, labelOf, part, type Role, type Scene } from './role.ts';

export interface Found {
  /** From the picture's top left corner, in shares of its height and width. */
  readonly box: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
  readonly score: number;
  readonly label: number;
}

export const detection: Role = {
  verdict(head, answer, scene) {
    const found = foundIn(head, answer, scene);
    const names = found.slice(0, 3).map(({ label, score }) => `${nameOf(head, label)} ${scored(score)}`);
    if (!found.length) return `Nothing above ${scored(partOf(head, 'scores')!.threshold)}`;
    return `${found.length} found: ${names.join(', ')}${found.length > 3 ? ' …' : ''}`;
  },

  draw(element, head, { answer, scene }) {
    const context = pictured(element, scene, [3, 4]);
    const list = part(element, 'ul', 'legend');
    if (!answer) return;
    const found = foundIn(head, answer, scene);
    // The best ones lie on top.
    for (const [index, each] of [...found.entries()].reverse()) drawBox(context, each, String(index + 1));
    context.canvas.ariaLabel = `Boxes over the picture: ${found.length}`;
    const entries = found.map(({ label, score }, index) => ({
      colour: colourOf(label),
      label: `${index + 1}. ${nameOf(head, label)}`,
      figure: scored(score),
    }));
    renderLegend(list, entries);
  },

  truth(head, truth) {
    const labels = (truth as number[][]).map((row) => row[4]!).filter((label) => label >= 0);
    return labels.map((label) => nameOf(head, label)).join(', ') || 'nothing';
  },
};

/** Returns the boxes above the threshold, best scores first. */
export function foundIn(head: Head, answer: Answer, scene: Pick<Scene, 'contract' | 'examples'>): Found[] {
  const [boxes, scores, classes] = ['boxes', 'scores', 'classes'].map((name) => partOf(head, name));
  const values = answer[scores!.name]!;
  const count = scores!.shape[0]!;
  const each = values.length / count;
  const scale = scaleOf(boxes!, scene);
  const found = Array.from({ length: count }, (_, index): Found => {
    const row = values.slice(index * each, (index + 1) * each);
    const best = largest(row);
    const label = classes ? Math.round(answer[classes.name]![index]!) : best;
    const box = answer[boxes!.name]!.slice(index * 4, (index + 1) * 4);
    return { box: sidesOf(boxes!, box, scale), score: row[best]!, label };
  });
  return found
    .filter(({ score }) => score > scores!.threshold)
    .sort((one, other) => other.score - one.score);
}

/**
 * Boxes are (top, left, bottom, right), as TensorFlow has them, unless the output's labels begin
 * with the left side.
 */
function sidesOf({ labels }: OutputSpec, box: readonly number[], [height, width]: Scale): Found['box'] {
  const isLeftFirst = /^(left|x)/i.test(labels[0] ?? '');
  const [top, left, bottom, right] = (isLeftFirst ? [1, 0, 3, 2] : [0, 1, 2, 3]).map((at) => box[at]!);
  return { top: top! / height, left: left! / width, bottom: bottom! / height, right: right! / width };
}

type Scale = readonly [height: number, width: number];

/** Corners are shares of the picture; pixels of it where samples have them far outside of it. */
function scaleOf({ name, maximum }: OutputSpec, { contract, examples }: Pick<Scene, 'contract' | 'examples'>): Scale {
  const input = imageInput(contract);
  const most = maximum ?? Math.max(0, ...examples.flatMap(({ outputs }) => outputs[name]!));
  return input && most > 2 ? (input.shape as unknown as Scale) : [1, 1];
}

function partOf({ outputs }: Head, name: string): OutputSpec | undefined {
  return outputs.find((output) => output.part === name);
}

function nameOf(head: Head, label: number): string {
  const named = [partOf(head, 'classes'), partOf(head, 'scores')].find((output) => output?.labels.length);
  return named ? labelOf(named, label) : `Class ${label}`;
}

function scored(score: number): string {
  return score >= 0 && score <= 1 ? percent(score) : shown(score);
}

function drawBox(context: CanvasRenderingContext2D, { box, label }: Found, number: string): void {
  const { width, height } = context.canvas;
  const line = width / 120;
  const [x, y] = [box.left * width, box.top * height];
  const size = [(box.right - box.left) * width, (box.bottom - box.top) * height] as const;
  // Dark below light below the colour: seen on every picture.
  for (const [style, thickness] of [['#000', 3], ['#fff', 2], [colourOf(label), 1]] as const) {
    context.strokeStyle = style;
    context.lineWidth = line * thickness;
    context.strokeRect(x, y, ...size);
  }
  context.font = `bold ${line * 7}px sans-serif`;
  context.textBaseline = 'top';
  const side = line * 9;
  const [left, top] = [Math.min(Math.max(x, 0), width - side), Math.min(Math.max(y, 0), height - side)];
  context.fillStyle = '#000';
  context.fillRect(left, top, Math.max(side, context.measureText(number).width + line * 3), side);
  context.fillStyle = '#fff';
  context.fillText(number, left + line * 1.5, top + line * 1.5);
}
