/* What a person can ask a model: those of its signatures whose inputs a person can give, and whose outputs tell a person
   something. All is chosen by the kinds of the values, never by names. */

import { canStream } from "./engine.js";
import * as bits from "./panels/bits.js";
import * as boxes from "./panels/boxes.js";
import * as image from "./panels/image.js";
import * as label from "./panels/label.js";
import * as prompt from "./panels/prompt.js";
import * as series from "./panels/series.js";
import * as text from "./panels/text.js";
import * as vector from "./panels/vector.js";

const KINDS = { bits, boxes, image, label, prompt, series, text, vector };

/** The panel of a value's kind. */
export const panelOf = (field) => KINDS[field.kind];

/** Whether a value is one for all: no axis counts the examples. */
export const isSingle = ({ shape }) => !shape.length;

/**
 * The questions of a model, in the order of its signatures.
 *
 * @returns A list of {name, inputs, outputs, shown, raw, isStreamed, texts}: a signature, those of its outputs that are shown,
 *     the signature that takes the only input as a file or a text ({name, input} or null), whether the answer is written piece by
 *     piece, and the names of the outputs that are texts.
 */
export function questionsOf(model) {
  const signatures = Object.entries(model.contract.signatures)
    .map(([name, one]) => ({ name, ...one }))
    .filter(isBatched);
  const taken = new Set(); // raw signatures that stand behind another one, and questions that are asked already
  const questions = [];
  for (const signature of signatures) {
    if (isRaw(signature)) continue;
    const raw = signatures.find((other) => isRaw(other) && !taken.has(other.name) && asksTheSame(signature, other));
    const question = questionOf(model, signature, raw);
    if (!question || taken.has(identityOf(question)) || questions.some((other) => addsNumbers(question, other))) continue;
    taken.add(raw?.name).add(identityOf(question));
    questions.push(question);
  }
  const alone = signatures.filter((signature) => isRaw(signature) && !taken.has(signature.name));
  return [...questions, ...alone.map((raw) => questionOf(model, raw, raw)).filter(Boolean)];
}

/** Whether the shapes of a signature are known, and count the examples first; of files made elsewhere that is not sure. */
const isBatched = ({ alone, inputs, outputs }) => !alone && [inputs, outputs].flatMap(Object.values).every(({ shape }) => shape);

/** Whether a signature takes one file or text as it is. */
function isRaw({ inputs }) {
  const [field, ...others] = Object.values(inputs);
  return field?.dtype === "string" && field.shape.length === 1 && !others.length;
}

/** Whether a person writes such a value in words. */
export const isWritten = ({ kind }) => kind === "text" || kind === "prompt";

const isNumbers = ({ kind }) => kind === "vector"; // they stand last
const kindsOf = (fields) => [...new Set(Object.values(fields).map(({ kind }) => kind))].sort().join();
const asksTheSame = (one, other) =>
  Object.keys(one.inputs).length === 1 &&
  kindsOf(one.inputs) === kindsOf(other.inputs) &&
  kindsOf(one.outputs) === kindsOf(other.outputs);
/** Whether a question only adds numbers to one that takes the same: nobody draws twice for them. */
const addsNumbers = ({ inputs, shown }, other) =>
  `${Object.keys(inputs)}` === `${Object.keys(other.inputs)}` && shown.every(([, field]) => isNumbers(field));
const identityOf = ({ inputs, shown }) => JSON.stringify([Object.keys(inputs), kindsOf(Object.fromEntries(shown))]);

function questionOf(model, { name, inputs, outputs }, raw) {
  if (Object.keys(inputs).some((key) => `next_${key}` in outputs)) return null; // a step: nobody gives its state
  const fields = Object.values(inputs);
  const written = fields.filter((field) => !isSingle(field)).map(({ kind }) => kind);
  const isRead = written.length === 1 && isWritten({ kind: written[0] });
  const texts = Object.keys(outputs).filter((key) => outputs[key].kind === written[0]);
  const isStreamed = isRead && texts.length > 0 && canStream(model.contract.signatures, written[0]);
  // Texts that are given as numbers are written by the server alone.
  if (fields.some((field) => !panelOf(field).canAsk(field) || (isWritten(field) && !raw && !isStreamed))) return null;
  if (fields.filter((field) => vector.isWide(field)).length > 1) return null; // the state of a recurrence: nobody gives that
  const shown = Object.entries(raw && !isStreamed ? raw.outputs : outputs).filter(([, field]) => panelOf(field).canShow(field));
  const told = label.withoutRepeats(shown).sort(([, one], [, other]) => isNumbers(one) - isNumbers(other));
  if (!told.length) return null;
  return {
    name,
    inputs,
    outputs,
    shown: isStreamed ? told.filter(([key]) => texts.includes(key)).slice(0, 1) : told,
    raw: raw ? { name: raw.name, input: Object.keys(raw.inputs)[0] } : null,
    isStreamed,
    texts,
  };
}
