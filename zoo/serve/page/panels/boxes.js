/* Boxes: left, top, right and bottom in pixels of the picture that the network sees; a box without area stands for none. */

import { h, labelled, newId, short, svg, titled } from "../elements.js";
import { numbersIn } from "../numbers.js";

const isList = ({ shape }) => shape.length === 3 && shape[2] === 4;

export const canAsk = isList;
export const canShow = isList;
export const asks = () => "Give it boxes";
export const shows = () => "see where it finds something";

/** A box for the corners, one box a line. */
export function ask(name, field, { changed }) {
  const box = h("textarea", { id: newId(), rows: 3, class: "json", spellcheck: "false", oninput: () => changed(true) });
  const read = () => {
    const rows = numbersIn(box.value);
    const wrong = rows.find((row) => row.length !== 4);
    if (wrong) throw new Error(`A box has ${wrong.length} numbers; expected left, top, right and bottom in pixels.`);
    return rows.length ? [rows] : null;
  };
  const title = [titled(name), " ", h("span", { class: "hint" }, "left, top, right, bottom; a line for each box")];
  return { element: labelled(title, box), isLive: true, read };
}

/** The boxes on the picture that was given, and their corners in words. */
export function show(name, field, { pictures }) {
  const drawn = h("div", { class: "boxed" });
  const words = h("p", { class: "hint", role: "status" });
  const showRow = (row) => {
    const boxes = (row ?? []).filter(([left, top, right, bottom]) => right > left && bottom > top);
    const [picture] = pictures();
    const width = picture?.width ?? Math.max(...boxes.map((box) => box[2]), 1);
    const height = picture?.height ?? Math.max(...boxes.map((box) => box[3]), 1);
    const rects = boxes.map(([left, top, right, bottom]) =>
      svg("rect", { x: left, y: top, width: right - left, height: bottom - top }),
    );
    drawn.hidden = !row;
    drawn.replaceChildren(
      ...(picture ? [copyOf(picture)] : []),
      svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": titled(name) }, rects),
    );
    words.textContent = row && (boxes.map((box) => box.map(short).join(", ")).join("; ") || "none");
  };
  showRow(null);
  const element = h("div", { class: "side" }, h("h4", {}, titled(name)), drawn, words);
  return { element, show: (rows) => showRow(rows?.[0] ?? null) };
}

function copyOf(picture) {
  const copy = h("canvas", { width: picture.width, height: picture.height, class: "pixels", "aria-hidden": "true" });
  copy.getContext("2d").drawImage(picture, 0, 0);
  return copy;
}
