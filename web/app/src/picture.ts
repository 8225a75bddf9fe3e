/**
 * Converts pictures to the model's input and back; no other module does.
 *
 * A picture is scaled to fit the input's height and width, and keeps its proportions. It is centred
 * on a background of the darkest value, which also shows through transparent parts. One-channel
 * models get the picture's luma (ITU-R BT.601). A picture that already has the input's size is
 * taken pixel by pixel.
 */
import type { TensorSpec } from './contract.ts';
import { elementType, wholeRange } from './inputs.ts';

const LUMA = [0.299, 0.587, 0.114] as const;
const MAX_FILE_BYTES = 50 * 2 ** 20;

export interface PictureOptions {
  /** Swaps dark and light: for a dark object on a bright background, the reverse of the model's. */
  readonly invert: boolean;
}

/** Returns the decoded picture. Throws when this browser cannot read the file. */
export async function decode(file: Blob & { name?: string }): Promise<ImageBitmap> {
  const name = file.name ?? 'The picture';
  if (file.size > MAX_FILE_BYTES) {
    throw new Error(`${name} is larger than ${MAX_FILE_BYTES / 2 ** 20} MB.`);
  }
  try {
    return await createImageBitmap(file);
  } catch (cause) {
    throw new Error(`${name} is not a picture that this browser can read.`, { cause });
  }
}

/** Returns one example of the input, flat, within the range that the contract states. */
export function pictureToInput(
  picture: ImageBitmap | HTMLCanvasElement,
  spec: TensorSpec,
  { invert }: PictureOptions,
): Float32Array {
  const { height, width } = imageSize(spec);
  const context = canvasContext(width, height);
  context.fillStyle = invert ? '#fff' : '#000';
  context.fillRect(0, 0, width, height);
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  context.imageSmoothingEnabled = scale !== 1;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
  return pixelsToInput(context.getImageData(0, 0, width, height).data, spec, { invert });
}

/** Returns RGBA bytes as one example of the input. */
export function pixelsToInput(
  rgba: Uint8ClampedArray,
  spec: TensorSpec,
  { invert }: PictureOptions,
): Float32Array {
  const { channels } = imageSize(spec);
  const [minimum, span] = range(spec);
  const isWhole = elementType(spec) !== 'float32';
  const pixels = rgba.length / 4;
  const values = new Float32Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const rgb = rgba.subarray(pixel * 4, pixel * 4 + 3);
    for (let channel = 0; channel < channels; channel++) {
      const byte = channels === 1 ? luma(rgb) : rgb[channel]!;
      const value = minimum + ((invert ? 255 - byte : byte) / 255) * span;
      values[pixel * channels + channel] = isWhole ? Math.round(value) : value;
    }
  }
  return values;
}

/** Draws one example of a tensor as a picture. */
export function drawInput(
  canvas: HTMLCanvasElement,
  values: ArrayLike<number | string>,
  spec: TensorSpec,
): void {
  const { height, width, channels } = imageSize(spec);
  const [minimum, span] = range(spec);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = Number(values[pixel * channels + (channels === 1 ? 0 : channel)]);
      image.data[pixel * 4 + channel] = ((value - minimum) / span) * 255;
    }
    image.data[pixel * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function imageSize(spec: TensorSpec): { height: number; width: number; channels: number } {
  const [height, width, channels] = spec.shape;
  if (!height || !width || (channels !== 1 && channels !== 3)) {
    throw new Error(
      `The input ${spec.name} has shape ${spec.shape.join(' × ')}; ` +
        'a picture needs height × width × 1 or 3.',
    );
  }
  return { height, width, channels };
}

function range(spec: TensorSpec): [minimum: number, span: number] {
  const [least, most] = wholeRange(spec);
  const minimum = spec.minimum ?? Math.max(least, spec.dtype === 'int8' ? -128 : 0);
  return [minimum, (spec.maximum ?? Math.min(most, 255)) - minimum];
}

/** Rounds like picture libraries, so that a grey pixel keeps its value. */
function luma(rgb: Uint8ClampedArray): number {
  return Math.round(LUMA[0] * rgb[0]! + LUMA[1] * rgb[1]! + LUMA[2] * rgb[2]!);
}

function canvasContext(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('Pictures need a 2D canvas, which this browser does not have.');
  return context;
}
