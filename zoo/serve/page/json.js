/* Any signature with JSON, for what no panel asks. */

import { ask, urlOf } from "./engine.js";
import { errorLine, h, newId, range } from "./elements.js";

const MOST_SHOWN = 20000; // characters of an answer in JSON

/** A form made from the contract, for any signature. */
export function formPanel(model, isOpen) {
  const names = Object.keys(model.contract.signatures);
  const select = h(
    "select",
    { id: newId(), onchange: () => fill() },
    names.map((name) => h("option", {}, name)),
  );
  const fields = h("fieldset");
  const answer = h("pre", { tabindex: 0, role: "region", "aria-label": "Answer", hidden: true });
  const status = h("p", { class: "hint", role: "status" });
  const [line, tell] = errorLine();
  const button = h("button", { class: "main" }, "Ask");
  let boxes = {};

  const fill = () => {
    boxes = {};
    fields.replaceChildren(
      h("legend", { class: "unseen" }, "Inputs"),
      ...Object.entries(model.contract.signatures[select.value].inputs).map(([name, field]) => {
        const id = newId();
        const value = written(exampleOf(field));
        const attributes = { id, class: "json", spellcheck: "false", autocomplete: "off", required: true };
        boxes[name] = field.shape?.length !== 0
          ? h("textarea", { ...attributes, rows: Math.min(4, 1 + Math.ceil(value.length / 100)) }, value)
          : h("input", { ...attributes, value });
        return h(
          "div",
          { class: "field" },
          h("label", { for: id }, name, " ", h("span", { class: "hint" }, describe(field))),
          boxes[name],
        );
      }),
    );
    [answer.hidden, status.textContent] = [true, ""];
    tell(null);
  };
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    const started = performance.now();
    try {
      const inputs = {};
      for (const [name, box] of Object.entries(boxes)) {
        try {
          inputs[name] = JSON.parse(box.value);
        } catch (problem) {
          box.focus();
          throw new Error(`${name} is no JSON: ${problem.message}`);
        }
      }
      const outputs = Object.entries(await ask(model, select.value, inputs));
      const text = `{\n${outputs.map(([name, value]) => `  "${name}": ${written(value)}`).join(",\n")}\n}`;
      answer.textContent = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} … (${text.length} characters)` : text;
      answer.hidden = false;
      status.textContent = `Answered in ${Math.round(performance.now() - started)} ms.`;
      tell(null);
    } catch (problem) {
      [answer.hidden, status.textContent] = [true, ""];
      tell(problem);
    }
    button.disabled = false;
  };
  fill();
  return h(
    "details",
    { class: "card", open: isOpen },
    h("summary", {}, "Ask with JSON"),
    h(
      "form",
      { onsubmit: submit },
      h("div", { class: "field", hidden: names.length < 2 }, h("label", { for: select.id }, "Signature"), select),
      fields,
      h("div", { class: "row" }, button, status),
    ),
    line,
    answer,
  );
}

const written = (value) => (Array.isArray(value) ? `[${value.map(written).join(", ")}]` : JSON.stringify(value));

/** What an input must be, in words. */
function describe({ dtype, shape, minimum, maximum, max_length: longest }) {
  const sizes = shape?.map((size, axis) => size ?? (axis ? "any" : "batch")); // of no shape, where a file does not tell it
  const parts = [dtype, !sizes ? "any shape" : sizes.length ? `(${sizes.join(", ")})` : "one value"];
  if (minimum !== null && minimum !== undefined) parts.push(`in [${minimum}, ${maximum ?? "∞"}]`);
  if (longest) parts.push(`at most ${longest} long`);
  return parts.join(" · ");
}

/** A value that keeps the contract: one row, and three steps where the length is free. */
function exampleOf({ kind, dtype, shape, minimum, maximum }) {
  if (dtype === "string") return [kind === "image" ? { b64: examplePicture() } : "a text"];
  let value = 0;
  if (dtype === "bool") value = true;
  else if (dtype.startsWith("float")) value = minimum != null && maximum != null ? (minimum + maximum) / 2 : (minimum ?? 0);
  else value = Math.min(Math.max(minimum ?? 0, 1), maximum ?? 1); // not 0, which pads
  const fill = (sizes) => (sizes.length ? range(sizes[0]).map(() => fill(sizes.slice(1))) : value);
  return fill((shape ?? [1]).map((size, axis) => size ?? (axis ? 3 : 1)));
}

/** A PNG of a stroke, in base64. */
function examplePicture() {
  const canvas = h("canvas", { width: 28, height: 28 });
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, 28, 28);
  context.fillStyle = "#fff";
  context.fillRect(12, 4, 4, 20);
  return canvas.toDataURL("image/png").split(",")[1];
}

/** What the signatures take and give. */
export function signatureList(model) {
  const tensors = (every) =>
    Object.entries(every)
      .map(([name, one]) => `${name}: ${one.kind === "vector" ? "" : `${one.kind} · `}${describe(one)}`)
      .join("; ");
  const rows = Object.entries(model.contract.signatures).map(([name, { inputs, outputs }]) =>
    h(
      "li",
      {},
      h("code", {}, h("strong", {}, name)),
      h("span", { class: "hint" }, `takes ${tensors(inputs)}`),
      h("span", { class: "hint" }, `gives ${tensors(outputs)}`),
    ),
  );
  return h(
    "details",
    { class: "card" },
    h("summary", {}, "Signatures"),
    h("p", { class: "hint" }, "POST JSON to ", h("code", {}, urlOf(model.name, ":predict")), ", as to TensorFlow Serving."),
    h("ul", { class: "signatures" }, rows),
  );
}
