/* Bits: 0 and 1 as people write them, one after the other; as a number, the most significant bit comes first. */

import { h, labelled, newId, titled } from "../elements.js";

export const canAsk = ({ shape }) => shape.length === 2;
export const canShow = canAsk;
export const asks = (field, count) => (count > 1 ? "Give it numbers in binary" : "Give it bits");
export const shows = () => "read its answer";

/** A box for 0 and 1. */
export function ask(name, field, { changed }) {
  const box = h("input", { id: newId(), class: "json", inputmode: "numeric", spellcheck: "false", autocomplete: "off" });
  box.addEventListener("input", () => changed(true));
  const read = () => {
    const text = box.value.trim();
    if (!text) return null;
    if (!/^[01]+$/.test(text)) throw new Error(`${titled(name)} is ${text.slice(0, 40)}; expected 0 and 1 only, such as 1011.`);
    return [[...text].map(Number)];
  };
  const title = [titled(name), " ", h("span", { class: "hint" }, "0 and 1, such as 1011")];
  return { element: labelled(title, box), isLive: true, read };
}

/** The bits without zeros in front. */
export function show(name) {
  const bits = h("output", { class: "answer", "aria-live": "polite", "aria-label": titled(name) });
  const showRow = (row) => (bits.textContent = row ? row.join("").replace(/^0+(?=.)/, "") : "");
  return { element: h("div", { class: "side" }, h("h4", {}, titled(name)), bits), show: (rows) => showRow(rows?.[0]) };
}
