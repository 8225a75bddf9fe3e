/** A picture from the camera, which is on only while its panel is open. */
import type { Actions } from '../actions.ts';
import { element } from '../elements.ts';

const REASONS: Record<string, string> = {
  NotAllowedError: 'This page may not use the camera. Allow it in the browser and try again.',
  NotFoundError: 'No camera was found.',
  NotReadableError: 'Another program is using the camera.',
};

export function connectCamera(document: Document, actions: Actions): void {
  const panel = element(document, 'camera', HTMLElement);
  const video = element(document, 'viewfinder', HTMLVideoElement);
  const toggle = element(document, 'use-camera', HTMLButtonElement);
  const invert = element(document, 'invert', HTMLInputElement);
  let stream: MediaStream | undefined;

  const close = (): void => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    video.srcObject = null;
    panel.hidden = true;
    toggle.setAttribute('aria-expanded', 'false');
  };
  const open = async (): Promise<void> => {
    try {
      // Browsers offer the camera only to pages from this machine or over HTTPS.
      if (!navigator.mediaDevices) {
        throw new Error('The camera works only on pages that are opened over HTTPS.');
      }
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      video.srcObject = stream;
      await video.play();
      panel.hidden = false;
      toggle.setAttribute('aria-expanded', 'true');
    } catch (error) {
      close();
      const { name, message } = error as Error;
      actions.report(REASONS[name] ?? `The camera does not work: ${message}`);
    }
  };

  toggle.addEventListener('click', () => void (stream ? close() : open()));
  element(document, 'shoot', HTMLButtonElement).addEventListener('click', () => {
    void createImageBitmap(video).then((picture) => {
      close();
      return actions.choosePicture(picture, 'Camera picture', invert.checked);
    });
  });
}
