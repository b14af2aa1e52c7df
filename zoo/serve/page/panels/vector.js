/* Vectors: numbers that have no more to them. */

import { ask as askServer } from "../engine.js";
import { h, newId, range, short, titled, within } from "../elements.js";

const FEW = 10; // numbers that are shown at once, about
const REACH = 3; // of sliders whose numbers have no bounds: three standard deviations
const SAMPLES = 32; // by which codings are put in order
const SEED = 2 ** 16; // a whole number of a larger range than this is a seed

/** How many numbers an example has, or null. */
function sizeOf({ shape }) {
  const sizes = shape.slice(1);
  return sizes.includes(null) ? null : sizes.reduce((product, size) => product * size, 1);
}

const isOrdered = ({ dtype, shape }) => shape.length <= 2 && dtype !== "bool" && dtype !== "string";
const isWhole = ({ dtype }) => !dtype.startsWith("float");

export const canAsk = (field) => isOrdered(field) && sizeOf(field) > 0;
export const canShow = (field) => isOrdered(field) && sizeOf(field) > 0 && !isWide(field);
export const isWide = (field) => field.kind === "vector" && sizeOf(field) > FEW;
export const asks = (field) => (field.shape.length ? "Move its numbers" : "Set its numbers");
export const shows = () => "see what it answers";

/** A slider and a box for each number; for one number for all examples, such as a seed, a box. */
export const ask = (name, field, options) => (field.shape.length ? askMany(name, field, options) : askOne(name, field));

function askOne(name, { dtype, minimum, maximum, default: usual }) {
  const whole = isWhole({ dtype });
  const isSeed = whole && (maximum ?? Infinity) > SEED;
  const middle = whole ? within(isSeed ? 1 : 2 * FEW, minimum ?? 0, maximum ?? Infinity) : ((minimum ?? 0) + (maximum ?? 0)) / 2;
  const start = usual ?? middle;
  const attributes = { min: minimum, max: maximum, step: whole ? 1 : "any", value: start, required: true };
  const box = h("input", { type: "number", id: newId(), ...attributes });
  const element = h("div", { class: "row" }, h("label", { for: box.id }, titled(name)), box);
  // Asked again, it answers something else.
  const next = () => isSeed && +box.value < (maximum ?? Infinity) && (box.value = +box.value + 1);
  return { element, isLive: false, read: () => +box.value, next };
}

function askMany(name, field, { changed, model }) {
  const count = sizeOf(field);
  const { minimum: low, maximum: high, shape } = field;
  const isBounded = low != null && high != null;
  const fixed = isBounded || samplesOf(model); // a network that draws its own was trained to have standard normal codings
  const middle = isBounded ? (low + high) / 2 : within(0, low ?? -Infinity, high ?? Infinity);
  let reach = isBounded ? (high - low) / 2 : REACH;
  const rows = range(count).map((index) => {
    const id = newId();
    const title = count > 1 ? `${name} ${index + 1}` : name;
    const step = isWhole(field) ? 1 : 0.01;
    const moved = (value) => {
      put(index, value);
      changed(true);
    };
    const slider = h("input", { type: "range", id, step, oninput: () => moved(+slider.value) });
    const limits = { step: isWhole(field) ? 1 : "any", min: low, max: high };
    const box = h("input", { type: "number", ...limits, "aria-label": `${title}, in digits` });
    box.addEventListener("change", () => moved(within(+box.value, low ?? -Infinity, high ?? Infinity)));
    const element = h("div", { class: "slider" }, h("label", { for: id }, title), slider, box);
    return { slider, box, element, value: middle };
  });
  const put = (index, value) => {
    const row = rows[index];
    row.value = value;
    [row.slider.min, row.slider.max, row.slider.value] = [middle - reach, middle + reach, value];
    row.box.value = isWhole(field) ? value : value.toFixed(2);
  };
  const set = (values, isChanged = true) => {
    const farthest = Math.max(...values.map((value) => Math.abs(value - middle)));
    if (!fixed && farthest > reach) reach = Math.ceil(1.2 * farthest);
    values.forEach((value, index) => put(index, value));
    if (isChanged) changed(true);
  };
  set(Array(count).fill(middle), false);

  const group = h("div", { class: "sliders", role: "group", "aria-label": titled(name) });
  const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => arrange(count) }, `Show all ${count}`);
  let order = range(count);
  const arrange = (shown) => {
    group.replaceChildren(...order.slice(0, shown).map((index) => rows[index].element));
    more.hidden = shown >= count;
  };
  // Only once the order is known, so that no slider moves away under a hand.
  const sorted = count > FEW ? orderOf(model, name, count) : Promise.resolve(null);
  const hint = h("p", { class: "hint", hidden: true }, "Those that change the picture most come first.");
  sorted
    .then((found) => {
      order = found ?? order;
      hint.hidden = !found;
    })
    .catch(() => {}) // the sliders work in any order
    .then(() => arrange(FEW));

  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const drawn = () => (isBounded ? low + Math.random() * (high - low) : within((normal() * reach) / 3, -reach, reach));
  const random = () => set(range(count).map(() => (isWhole(field) ? Math.round(drawn()) : drawn())));
  const buttons = [
    h("button", { type: "button", onclick: random }, "Random"),
    h("button", { type: "button", onclick: () => set(Array(count).fill(middle)) }, middle === 0 ? "All zero" : "To the middle"),
    more,
  ];
  return {
    element: h("div", { class: "side" }, h("div", { class: "row" }, buttons), group, hint),
    isLive: true,
    read: () => (shape.length === 1 ? [rows[0].value] : [rows.map(({ value }) => value)]),
    set,
  };
}

/** The signature that draws pictures out of single numbers, and the name of these pictures; or null. */
function samplesOf({ contract }) {
  for (const [name, { inputs, outputs }] of Object.entries(contract.signatures)) {
    const fields = Object.entries(inputs);
    const image = Object.keys(outputs).find((key) => outputs[key].kind === "image");
    if (image && fields.length && fields.every(([, { shape }]) => shape?.length === 0)) return { name, inputs: fields, image };
  }
  return null;
}

/** The numbers of a coding, those first that vary most over samples, as a network leaves many unused; null if it is unknown. */
async function orderOf(model, name, count) {
  const samples = samplesOf(model);
  const encoder = Object.entries(model.contract.signatures).find(([, { inputs, outputs }]) => {
    const [field, ...others] = Object.values(inputs);
    const isCoded = name in outputs && sizeOf(outputs[name]) === count;
    return isCoded && field.kind === "image" && field.dtype !== "string" && !others.length;
  });
  if (!samples || !encoder) return null;
  const [encode, { inputs }] = encoder;
  // The seeds as small as they may be; how many, SAMPLES.
  const numbers = samples.inputs.map(([key, { minimum, maximum }]) => [
    key,
    (maximum ?? Infinity) > SEED ? (minimum ?? 0) : within(SAMPLES, minimum ?? 0, maximum),
  ]);
  const { [samples.image]: images } = await askServer(model, samples.name, Object.fromEntries(numbers));
  const { [name]: codings } = await askServer(model, encode, { [Object.keys(inputs)[0]]: images });
  const spread = range(count).map((index) => codings.reduce((sum, row) => sum + row[index] ** 2, 0));
  return range(count).sort((a, b) => spread[b] - spread[a]);
}

/** The numbers. */
export function show(name) {
  const numbers = h("span", { class: "number" }, "–");
  const element = h("p", { class: "numbers" }, h("span", { class: "hint" }, titled(name)), " ", numbers);
  const showRow = (row) => {
    numbers.textContent = row === undefined ? "–" : [row].flat().map(short).join(" ");
  };
  return { element, show: (rows) => showRow(rows?.[0]) };
}
