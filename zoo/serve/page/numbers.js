/* Numbers as people write them, and as lines. */

import { h, range, short, svg } from "./elements.js";

const [WIDTH, HEIGHT] = [320, 90]; // of a plot, in its own units

/** The numbers of every line of a text; commas, semicolons and spaces part them. */
export function numbersIn(text) {
  const lines = text.split("\n").map((line) => line.split(/[\s,;]+/).filter(Boolean));
  return lines
    .filter((words) => words.length)
    .map((words) =>
      words.map((word) => {
        if (!Number.isFinite(+word)) throw new Error(`${word} is not a number.`);
        return +word;
      }),
    );
}

/** Nested lists of a shape, from its numbers in a row; one size may be free (null). */
export function shaped(flat, [size, ...others]) {
  if (size === undefined) return flat[0];
  const each = others.reduce((product, other) => product * other, 1);
  return range(size ?? flat.length / each).map((index) => shaped(flat.slice(index * each, (index + 1) * each), others));
}

/** A line for each channel of a series, (time, channels), with its range below. */
export function plot(rows, label) {
  const channels = range(rows[0].length).map((channel) => rows.map((row) => row[channel]).filter((value) => value !== null));
  const values = channels.flat();
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const x = (index, count) => (count > 1 ? (index / (count - 1)) * WIDTH : WIDTH / 2);
  const y = (value) => HEIGHT - 4 - ((value - low) / (high - low || 1)) * (HEIGHT - 8);
  const lines = channels.map((channel) =>
    svg("polyline", { points: channel.map((value, index) => `${x(index, channel.length)},${y(value)}`).join(" ") }),
  );
  return h(
    "figure",
    {},
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": label }, lines),
    h("figcaption", {}, `${rows.length} steps, ${short(low)} to ${short(high)}`),
  );
}
