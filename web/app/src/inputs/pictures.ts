/** Every way to give the page a picture. */
import type { Actions } from '../actions.ts';
import { connectCamera } from './camera.ts';
import { connectDrawing } from './drawing.ts';
import { connectFiles } from './files.ts';

export function connectPictures(document: Document, actions: Actions): void {
  connectFiles(document, actions);
  connectCamera(document, actions);
  connectDrawing(document, actions);
}
