/** The answers on the screen: a section for each head, in the order of the outputs. */
import { decision, titleOf } from './heads.ts';
import { type Drawing, type Head, part } from './roles/role.ts';

/** Draws the answers into the container; makes the sections at the first call. */
export function renderAnswers(container: HTMLElement, heads: readonly Head[], drawing: Drawing): void {
  const several = heads.length > 1;
  if (container.childElementCount !== heads.length) {
    container.replaceChildren(...heads.map(() => document.createElement('div')));
  }
  for (const [index, head] of heads.entries()) {
    const element = container.children[index] as HTMLElement;
    element.className = head.outputs[0]!.role;
    if (several) {
      part(element, 'h3', 'title').textContent = titleOf(head);
      part(element, 'p', 'verdict').textContent =
        drawing.answer ? decision([head], drawing.answer, drawing.scene) : '…';
    }
    head.role.draw(element, head, drawing);
  }
}
