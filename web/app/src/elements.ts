/** Returns the element with this id; a page without it is broken, and says so. */
export function element<T extends HTMLElement>(
  document: Document,
  id: string,
  type: new () => T,
): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return found;
}
