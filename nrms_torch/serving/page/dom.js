// Elements, and how articles and numbers are written.

/** Make an element with attributes, listeners (`onclick: f`) and children; null ones are none. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (attribute.startsWith("on")) element.addEventListener(attribute.slice(2), value);
    else element.setAttribute(attribute, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** An article's title, or its id where it has none. */
export const titleOf = (article) => article.title || `Article ${article.article_id}`;

/** A category as a chip; the same name has the same colour everywhere. */
export function chip(category) {
  if (!category) return null;
  const element = make("span", { class: "chip" }, category);
  element.style.setProperty("--hue", hueOf(category));
  return element;
}

/** A bar of a share of its place, from -1 to 1; below 0 it is of the other colour. */
export function bar(share) {
  const element = make("span", { class: "bar", "aria-hidden": "true" });
  element.style.setProperty("--share", Math.abs(share).toFixed(4));
  element.classList.toggle("against", share < 0);
  return element;
}

/** Replace children so that the keyboard stays at the place where it was. */
export function replaceKeepingFocus(container, children) {
  const focusable = () => [...container.querySelectorAll("button")];
  const place = focusable().indexOf(document.activeElement);
  container.replaceChildren(...children);
  if (place >= 0) (focusable()[place] ?? focusable().at(-1) ?? byId("search")).focus();
}

/** Hide an element or show it; one that hides passes the keyboard on to `next`. */
export function hideKeepingFocus(element, hidden, next = byId("search")) {
  if (hidden && element === document.activeElement) next.focus();
  element.hidden = hidden;
}

export const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

export const percent = (share) => `${(100 * share).toFixed(share < 0.095 ? 1 : 0)} %`;
export const plain = (value) => value.toFixed(3).replace("-", "−");

export const count = (number, noun) =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** Say in one line what went wrong, or nothing more. */
export function tell(error) {
  const line = byId("problem");
  line.hidden = !error;
  line.textContent = error ? error.message : "";
  if (error && error.status === undefined) throw error; // our own mistake belongs in the console
}

function hueOf(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  // Steps of the golden angle keep names that differ little apart.
  return Math.round((hash * 137.508) % 360);
}
