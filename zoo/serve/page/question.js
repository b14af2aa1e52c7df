/* The panel of one question: its inputs, each asked for as its kind is, and its answer, each output shown as its kind is. */

import { answers } from "./engine.js";
import { errorLine, h, titled } from "./elements.js";
import { isSingle, isWritten, panelOf } from "./questions.js";

const DEFAULT = "serving_default"; // the signature that answers where none is named, as in TensorFlow Serving

/** Work of which one piece runs at a time; of what comes meanwhile, the newest is done next and the others never. */
class Newest {
  constructor(work) {
    this.work = work;
    this.running = false;
    this.next = null;
  }

  async do(value) {
    this.next = { value };
    if (this.running) return;
    this.running = true;
    while (this.next) {
      const { value: newest } = this.next;
      this.next = null;
      await this.work(newest);
    }
    this.running = false;
  }
}

/**
 * The panel of a question.
 *
 * @param tell Told {output: rows} of each answer to what a person gave.
 * @returns {element, set}: `set(outputs)` takes those outputs of another question that are inputs of this one.
 */
export function questionPanel(model, question, tell) {
  const { asked, shown } = partsOf(model, question, {
    changed: (isFinished) => live.do({ isFinished }),
    submit: () => form.requestSubmit(),
  });
  const [line, complain] = errorLine();
  const isLive = asked.every((one) => one.isLive);
  const showAll = (outputs, isFinished, told) =>
    shown.forEach(({ name, panel }) => panel.show(outputs?.[name] ?? null, isFinished, told));

  const run = async ({ isFinished = true, isTold = false, signal }) => {
    const inputs = Object.fromEntries(asked.map((one) => [one.name, one.read()]));
    if (Object.values(inputs).some((value) => value === null)) return showAll(null, isFinished);
    for await (const answer of answers(model, question, inputs, { signal })) {
      showAll(answer.outputs, isFinished && answer.isFinished, answer);
      if (answer.isFinished && !isTold) tell(answer.outputs);
    }
  };
  const live = new Newest(async (given) => {
    try {
      await run(given);
      complain(null);
    } catch (problem) {
      showAll(null, false);
      complain(problem);
    }
  });

  const status = h("p", { class: "hint", role: "status" });
  let running = null;
  const submit = async (event) => {
    event.preventDefault();
    running?.abort();
    const own = (running = new AbortController());
    const isTyped = !question.isStreamed; // an answer that is not streamed is waited for
    status.textContent = "";
    complain(null);
    if (!isMany(question)) showAll(null, false);
    [stop.disabled, main.disabled] = [false, isTyped];
    shown.forEach(({ panel }) => panel.wait?.(true));
    try {
      await run({ signal: own.signal });
      const singles = asked.filter(({ field }) => isSingle(field)).map((one) => `${one.name.replaceAll("_", " ")} ${one.read()}`);
      if (running === own) status.textContent = singles.join(", ");
      asked.forEach((one) => one.next?.());
    } catch (problem) {
      if (problem.name !== "AbortError") complain(problem);
    }
    if (running !== own) return; // a newer one is on its way
    [stop.disabled, main.disabled] = [true, false];
    shown.forEach(({ panel }) => panel.wait?.(false));
  };
  const name = question.raw?.name ?? question.name;
  const verb = asked.some(({ field }) => field.kind === "prompt") ? "Write" : "Answer";
  const main = h("button", { class: "main" }, name === DEFAULT ? verb : titled(name));
  const stop = h("button", { type: "button", disabled: true, onclick: () => running?.abort() }, "Stop");
  const form = h("form", { onsubmit: submit });

  const head = h("h3", {}, titleOf(question));
  const pictures = shown.filter(({ panel }) => panel.isPicture).map(({ panel }) => panel.element);
  const others = shown.filter(({ panel }) => !panel.isPicture).map(({ panel }) => panel.element);
  const previews = asked.map(({ preview }) => preview).filter(Boolean);
  const drawn = [...previews, ...pictures];
  const pair = drawn.length > 1 ? h("div", { class: "pair" }, drawn) : drawn;
  const told = others.length > 1 ? h("div", { class: "answers" }, others) : others;
  const results = pictures.length ? [pair, told] : [told, pair];
  const element = h("section", { class: "card" }, head);
  if (!isLive) {
    const [lines, boxes] = [asked.filter(({ field }) => !isSingle(field)), asked.filter(({ field }) => isSingle(field))];
    const row = h("div", { class: "row" }, boxes.map((one) => one.element), main, question.isStreamed ? stop : null);
    form.append(...lines.map((one) => one.element), row, ...lines.map(({ controls }) => controls).filter(Boolean));
    element.append(form, ...results.flat(), status, line);
  } else if (asked.length === 1) {
    const [{ element: input, controls = "", field }] = asked;
    const result = h("div", { class: "side result" }, line, results);
    element.append(h("div", { class: `question of-${field.kind}` }, input, result, controls));
    if (field.kind !== "image") live.do({ isTold: true });
  } else {
    const inputs = asked.map((one) => h("div", { class: "side" }, one.element, one.controls));
    element.append(h("div", { class: "inputs" }, inputs), h("div", { class: "side result" }, line, results));
    live.do({ isTold: true });
  }
  const set = (outputs) => {
    const found = asked.filter((one) => one.set && one.name in outputs);
    found.forEach((one) => one.set(outputs[one.name][0], false));
    if (found.length) live.do({ isTold: true });
  };
  return { element, set };
}

/** Whether the answer has as many rows as it likes, because no input counts them. */
const isMany = ({ inputs }) => Object.values(inputs).every(isSingle);

/** The panels of the inputs and of the shown outputs. */
function partsOf(model, question, { changed, submit }) {
  const given = Object.entries(question.inputs);
  const hasPictures = question.shown.some(([, { kind }]) => kind === "image");
  const isOnly = given.length === 1;
  const asked = given.map(([name, field]) => {
    const title = question.raw && isWritten(field) ? question.raw.input : name;
    const options = {
      changed,
      submit,
      model,
      isOnly,
      isStreamed: question.isStreamed,
      takesFile: Boolean(question.raw) && isOnly,
      previewSize: hasPictures ? "middle" : "small",
    };
    return { ...panelOf(field).ask(title, field, options), name, field };
  });
  const options = {
    isDefault: question.name === DEFAULT,
    isMany: isMany(question),
    invitation: asked.map(({ invitation }) => invitation).find(Boolean) ?? "",
    hasPreview: asked.some(({ preview }) => preview),
    signature: question.name,
    pictures: () => asked.map(({ picture }) => picture).filter(Boolean),
  };
  const shown = question.shown.map(([name, field]) => {
    const isOnly = question.shown.filter(([, { kind }]) => kind === field.kind).length === 1;
    return { name, field, panel: panelOf(field).show(name, field, { ...options, isOnly }) };
  });
  return { asked, shown };
}

function titleOf({ name, inputs, shown }) {
  const fields = Object.values(inputs);
  const [[, first]] = shown;
  const kinds = new Set(fields.map(({ kind }) => kind));
  const ways = [...kinds].filter((kind) => kind !== "vector" || !kinds.has("prompt")).map((kind) => {
    const same = fields.filter((field) => field.kind === kind);
    return panelOf(same[0]).asks(same[0], same.length);
  });
  const small = (text) => `${text[0].toLowerCase()}${text.slice(1)}`;
  const title = `${[ways[0], ...ways.slice(1).map(small)].join(", ")}, and ${panelOf(first).shows(fields.length, kinds)}`;
  return name === DEFAULT ? title : `${titled(name)}: ${small(title)}`;
}
