/* Elements, and words about them. Styles are set through the CSSOM only, because the server's Content-Security-Policy forbids
   them in the markup. */

/** An element: attributes by name, "on..." functions as listeners, null and false left out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for a drawing in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

let ids = 0;
export const newId = () => `part-${++ids}`; // never the name of a model, which the address bar holds

/** Where a panel tells its errors: a function of an Error, or of nothing when all is well. */
export function errorLine() {
  const line = h("p", { class: "error", role: "alert", hidden: true });
  const tell = (problem) => {
    line.hidden = !problem;
    say(line, problem?.message ?? "");
  };
  return [line, tell];
}

/** Changes an element's text only if it is another: what is announced is not announced again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A control with its label above it. */
export const labelled = (text, control) => h("div", { class: "field" }, h("label", { for: control.id }, text), control);
export const figure = (caption, picture) => h("figure", {}, picture, h("figcaption", {}, caption));

/** A name that may be broken after its underscores. */
export const breakable = (name) => name.split(/(?<=_)/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
/** The name of an input, an output or a signature as a heading: "digit_label" is "Digit label". */
export const titled = (name) => (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");
export const percent = (share) => `${(100 * share).toFixed(1)} %`;
/** A number in four digits. */
export const short = (number) => (number === null ? "no number" : String(+number.toPrecision(4)));
export const range = (count) => Array.from({ length: count }, (_, index) => index);
export const within = (value, low, high) => Math.max(low, Math.min(high, value));
