/* Labels: the number of a class, or the probability of each class, for a whole example or for each step of it. */

import { h, labelled, newId, percent, range, titled } from "../elements.js";

const MOST_BARS = 12; // of more classes only the likeliest are drawn

export const canAsk = ({ classes, shape }) => Boolean(classes) && shape.length === 1;
export const canShow = ({ classes }) => Boolean(classes);
export const asks = () => "Choose a class";
export const shows = (count, kinds) => {
  if (kinds.has("prompt")) return "see what may follow";
  return count > 1 ? "see what they are taken for" : "see what it is taken for";
};

const hasProbabilities = ({ dtype }) => dtype.startsWith("float");
const hasSteps = (field) => field.shape.length > (hasProbabilities(field) ? 2 : 1);

/** Outputs without the labels that say no more than probabilities of the same classes beside them. */
export function withoutRepeats(outputs) {
  const classesOf = ([, { classes }]) => JSON.stringify(classes);
  const labels = outputs.filter(([, field]) => field.kind === "label");
  return outputs.filter((output) => {
    if (output[1].kind !== "label" || hasProbabilities(output[1])) return true;
    const same = labels.filter((other) => classesOf(other) === classesOf(output));
    const sure = same.filter(([, field]) => hasProbabilities(field));
    return same.length > 2 * sure.length;
  });
}

/** A choice of the classes. */
export function ask(name, field, { changed }) {
  const select = h(
    "select",
    { id: newId(), onchange: () => changed(true) },
    field.classes.map((text, value) => h("option", { value }, text)),
  );
  return { element: labelled(titled(name), select), isLive: true, read: () => [+select.value] };
}

/** The class in large, and bars of the probabilities; of each step the class only. */
export const show = (name, field, options) => (hasSteps(field) ? showSteps(name, field) : showOne(name, field, options));

function showSteps(name, field) {
  const told = h("output", { class: "answer", "aria-live": "polite", "aria-label": titled(name) });
  const best = (step) => (hasProbabilities(field) ? step.indexOf(Math.max(...step)) : step);
  const showRow = (row) => (told.textContent = (row ?? []).map((step) => field.classes[best(step)]).join(" "));
  return { element: h("div", { class: "side" }, h("h4", {}, titled(name)), told), show: (rows) => showRow(rows?.[0]) };
}

function showOne(name, field, { isOnly, invitation }) {
  const { classes } = field;
  const isLabel = !hasProbabilities(field);
  const bars = range(isLabel ? 0 : Math.min(classes.length, MOST_BARS)).map(() => {
    const [text, fill, number] = [h("span"), h("div", { class: "fill" }), h("span", { class: "number" })];
    return { row: h("li", {}, text, h("div", { class: "track", "aria-hidden": "true" }, fill), number), text, fill, number };
  });
  const [best, share] = [h("b"), h("span", { class: "hint" })];
  const status = h("p", { class: "unseen", role: "status" });
  const title = titled(name);
  const list = h(
    "ul",
    { class: "bars", "aria-label": title },
    bars.map(({ row }) => row),
  );
  const element = h(
    "div",
    { class: "side", role: "group", "aria-label": `Answer: ${title}` },
    isOnly ? null : h("h4", {}, title),
    h("div", { class: isOnly ? "verdict" : "verdict one-of-many", "data-testid": "verdict" }, best, share),
    isLabel ? null : list,
    status,
  );
  const showRow = (row, isFinished) => {
    const probabilities = isLabel ? null : row;
    let order = range(classes.length);
    const winner = isLabel ? row : probabilities && order.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
    if (classes.length > MOST_BARS && probabilities) order = order.sort((a, b) => probabilities[b] - probabilities[a]);
    bars.forEach(({ row: bar, text, fill, number }, index) => {
      const value = probabilities?.[order[index]] ?? 0;
      text.textContent = classes[order[index]];
      fill.style.width = `${100 * value}%`;
      number.textContent = probabilities ? percent(value) : "–";
      bar.classList.toggle("best", order[index] === winner);
    });
    const told = winner === null ? "–" : classes[winner];
    best.textContent = told;
    const certainty = probabilities ? percent(probabilities[winner]) : "";
    share.textContent = winner === null ? invitation : certainty;
    if (isFinished) status.textContent = winner === null ? "" : [told, certainty].filter(Boolean).join(", ");
  };
  showRow(null);
  return { element, show: (rows, isFinished) => showRow(rows?.[0] ?? null, isFinished) };
}
