/** Returns the element with this id. Throws if the page does not have it. */
export function element<T extends HTMLElement>(
  document: Document,
  id: string,
  type: new () => T,
): T {
  const candidate = document.getElementById(id);
  if (!(candidate instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return candidate;
}
