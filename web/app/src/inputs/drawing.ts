/** A picture drawn with mouse, finger or pen: light strokes on the model's dark background. */
import type { Actions } from '../actions.ts';
import { element } from '../elements.ts';

// In pixels of the canvas, which is 280 wide: as thick as handwriting in a 28-pixel picture.
const STROKE = 22;

export function connectDrawing(document: Document, actions: Actions): void {
  const panel = element(document, 'drawing', HTMLElement);
  const canvas = element(document, 'sheet', HTMLCanvasElement);
  const toggle = element(document, 'draw', HTMLButtonElement);
  const context = canvas.getContext('2d')!;

  const clear = (): void => {
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  const classify = (): void => {
    // A copy: the next stroke must not change what is being classified.
    void createImageBitmap(canvas).then((picture) => actions.choosePicture(picture, 'Drawing', false));
  };
  const point = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };

  toggle.addEventListener('click', () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute('aria-expanded', String(!panel.hidden));
    if (!panel.hidden) clear();
  });
  element(document, 'clear', HTMLButtonElement).addEventListener('click', clear);
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    context.strokeStyle = '#fff';
    context.lineWidth = STROKE;
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(...point(event));
    context.lineTo(...point(event));
    context.stroke();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    context.lineTo(...point(event));
    context.stroke();
  });
  canvas.addEventListener('pointerup', classify);
}
