/* Series: numbers along time, (time, channels), or (time) for one channel. */

import { h, labelled, newId, titled } from "../elements.js";
import { numbersIn, plot } from "../numbers.js";

const channelsOf = ({ shape }) => (shape.length > 2 ? shape[2] : 1);

export const canAsk = ({ shape }) => (shape.length === 2 || shape.length === 3) && channelsOf({ shape }) !== null;
export const canShow = ({ shape }) => shape.length === 2 || shape.length === 3;
export const asks = () => "Give it a series";
export const shows = () => "see the series that it answers";

/** A box for numbers, one step a line, and their line below. */
export function ask(name, field, { changed }) {
  const channels = channelsOf(field);
  const hint = channels === 1 ? "numbers, one after the other" : `${channels} numbers a line, a line for each step`;
  const box = h("textarea", { id: newId(), rows: 4, class: "json", spellcheck: "false", oninput: () => changed(true) });
  const drawn = h("div");
  const read = () => {
    drawn.replaceChildren();
    let rows = numbersIn(box.value);
    if (!rows.length) return null;
    if (channels === 1) rows = rows.flat().map((value) => [value]);
    const wrong = rows.findIndex((row) => row.length !== channels);
    if (wrong >= 0) throw new Error(`Step ${wrong + 1} has ${rows[wrong].length} numbers; expected ${channels}.`);
    drawn.replaceChildren(plot(rows, `${titled(name)}, as given`));
    return [field.shape.length === 2 ? rows.flat() : rows];
  };
  const title = [titled(name), " ", h("span", { class: "hint" }, hint)];
  return { element: h("div", { class: "side" }, labelled(title, box), drawn), isLive: true, read };
}

/** A line for each channel. */
export function show(name) {
  const drawn = h("div");
  const rowsOf = (series) => series.map((step) => (Array.isArray(step) ? step : [step]));
  const showRow = (series) => drawn.replaceChildren(...(series?.length ? [plot(rowsOf(series), titled(name))] : []));
  return { element: h("div", { class: "side" }, h("h4", {}, titled(name)), drawn), show: (rows) => showRow(rows?.[0]) };
}
