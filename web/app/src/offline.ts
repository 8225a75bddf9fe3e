/** Registers the worker that keeps the site for offline use, and offers its updates. */
import { element } from './elements.ts';

export async function keepOffline(document: Document): Promise<void> {
  // Browsers allow workers only on secure addresses: HTTPS, or this machine.
  const workers = navigator.serviceWorker;
  if (!workers) return;
  const notice = element(document, 'update', HTMLElement);
  const hadWorker = workers.controller !== null;
  workers.addEventListener('controllerchange', () => {
    // The first worker takes over a page of its own release; a later one brings another release.
    if (hadWorker) location.reload();
  });
  const registration = await workers.register(new URL('worker.js', document.baseURI), {
    updateViaCache: 'none',
  });
  const offer = (worker: ServiceWorker | null): void => {
    if (!worker || !hadWorker) return;
    notice.hidden = false;
    element(document, 'reload', HTMLButtonElement).onclick = () => worker.postMessage('take over');
  };
  offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed') offer(worker);
    });
  });
  // A tab that stays open for days looks for updates when it is shown again.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) registration.update().catch(() => undefined);
  });
}
