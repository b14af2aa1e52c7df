/* Text: token numbers with their vocabulary, or the text itself. */

import { h, labelled, newId, titled } from "../elements.js";
import { attentionTable } from "./attention.js";

export const canAsk = ({ dtype, shape }) => shape.length === (dtype === "string" ? 1 : 2);
export const canShow = ({ dtype, vocabulary }) => dtype === "string" || Boolean(vocabulary);
export const asks = () => "Give it a text";
export const shows = () => "read its answer";

/** A box for a text; Enter asks. */
export function ask(name, field, { submit }) {
  const examples = field.examples ?? [];
  const box = h("textarea", { id: newId(), rows: 2, required: true, autocomplete: "off", spellcheck: "false" });
  box.value = examples[0] ?? "";
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  const tries = examples.map((text) =>
    h("button", { type: "button", class: "quiet", onclick: () => ((box.value = text), submit()) }, text),
  );
  const controls = tries.length
    ? h("div", { class: "row", role: "group", "aria-label": "Examples" }, h("span", { class: "hint" }, "Try:"), tries)
    : null;
  return { element: labelled(titled(name), box), controls, isLive: false, read: () => box.value };
}

/** The answer as it is written, and the picture of attention where the network tells it. */
export function show() {
  const answer = h("output", { class: "answer", "aria-live": "polite", "aria-label": "Answer" });
  const facts = h("p", { class: "hint" });
  const attention = attentionTable();
  let [steps, started] = [[], 0];
  const clear = () => {
    [steps, started] = [[], performance.now()];
    answer.textContent = facts.textContent = "";
    attention.show(steps);
  };
  return {
    element: h("div", { class: "side" }, answer, facts, attention.element),
    wait: (isWaiting) => {
      if (isWaiting) answer.setAttribute("aria-busy", "true");
      else answer.removeAttribute("aria-busy");
    },
    show: (rows, isFinished, told = {}) => {
      if (!rows) return clear();
      const [text] = rows;
      if (!isFinished) {
        steps.push({ piece: text.slice(answer.textContent.length) || "·", attention: told.attention });
        if (told.attention) attention.show(steps, told.source);
        facts.textContent = `${steps.length} tokens in ${((performance.now() - started) / 1000).toFixed(2)} s`;
      }
      answer.textContent = text;
    },
  };
}
