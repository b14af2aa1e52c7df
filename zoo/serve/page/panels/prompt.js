/* Prompts: the beginning of a text, and how it goes on. */

import { h, labelled, newId, titled } from "../elements.js";

const LONGEST_EXAMPLE = 40; // characters of what the box holds in the beginning

export const canAsk = ({ dtype, shape }) => shape.length === (dtype === "string" ? 1 : 2);
export const canShow = ({ vocabulary }) => Boolean(vocabulary);
export const asks = () => "Give it the beginning of a text";
export const shows = () => "read how it goes on";

/** A box for the beginning; what may follow it is asked for with every letter, a text only when it is wanted. */
export function ask(name, { dtype, examples }, { changed, isStreamed }) {
  const box = h("textarea", { id: newId(), rows: 2, required: true, autocomplete: "off", spellcheck: "false" });
  box.value = (examples?.[0] ?? "").trimStart().slice(0, LONGEST_EXAMPLE);
  if (!isStreamed) box.addEventListener("input", () => changed(true));
  return { element: labelled(dtype === "string" ? titled(name) : "Text", box), isLive: !isStreamed, read: () => box.value || null };
}

/** The text as it is written. */
export function show() {
  const answer = h("output", { class: "answer written", "aria-live": "polite", "aria-label": "Answer" });
  const facts = h("p", { class: "hint" });
  let [count, started] = [0, 0];
  return {
    element: h("div", { class: "side" }, answer, facts),
    wait: (isWaiting) => {
      if (isWaiting) answer.setAttribute("aria-busy", "true");
      else answer.removeAttribute("aria-busy");
    },
    show: (rows, isFinished) => {
      if (!rows) [count, started] = [0, performance.now()];
      answer.textContent = rows?.[0] ?? "";
      if (rows && !isFinished) count += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(2);
      facts.textContent = count ? `${count} tokens in ${seconds} s` : "";
    },
  };
}
