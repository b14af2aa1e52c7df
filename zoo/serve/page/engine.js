/* Asks the server. Nothing else on the page does: what answers elsewhere needs only these functions. */

/** What is served: {models, ready}, each model with its version, engine, contract and `statuses` of all versions. */
export async function served() {
  const ready = await fetch("/readyz").catch(() => null);
  const { models } = await json(await fetched("/v1/zoo"));
  const told = await Promise.all(models.map(({ name }) => fetched(urlOf(name, "")).then(json, () => ({}))));
  return {
    ready: Boolean(ready?.ok),
    models: models.map((model, index) => ({ ...model, statuses: told[index].model_version_status ?? [] })),
  };
}

/** The key that the server wants, from now on. */
export const useKey = (key) => sessionStorage.setItem("zoo-key", key);

/** The address of a model. */
export const urlOf = (name, rest) => `/v1/models/${encodeURIComponent(name)}${rest}`;

/** fetch, with the API key if one was given, and with the server's own words as the error. */
async function fetched(path, options = {}) {
  const headers = { ...options.headers };
  const key = sessionStorage.getItem("zoo-key");
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("The server does not answer.");
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try {
    message = JSON.parse(text).error ?? text;
  } catch {
    // no JSON: the text says it
  }
  const problem = new Error(message.trim() || `The server answers ${response.status}.`);
  problem.needsKey = response.status === 401;
  throw problem;
}

/** The JSON of an answer. The server writes NaN and infinities bare, as TensorFlow Serving does; here they are null. */
async function json(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(/(?<=[[,:]\s*)(NaN|-?Infinity)(?=\s*[\],}])/g, "null"));
  }
}

const post = (path, content, options = {}) => fetched(path, { method: "POST", body: JSON.stringify(content), ...options });

/**
 * The outputs of a signature, by name.
 *
 * @param model One of `served`.
 * @param name Name of the signature.
 * @param inputs Nested lists by name, in batches where the contract has batches.
 */
export async function ask(model, name, inputs, options = {}) {
  const { outputs } = await json(await post(urlOf(model.name, ":predict"), { signature_name: name, inputs }, options));
  const names = Object.keys(model.contract.signatures[name].outputs);
  return names.length === 1 ? { [names[0]]: outputs } : outputs;
}

/** The same for one file of a picture, which goes to the server as it is. */
async function askFile(model, name, file, options) {
  const headers = { "Content-Type": file.type };
  const answer = await json(await fetched(urlOf(model.name, ":predict"), { method: "POST", body: file, headers, ...options }));
  const [row] = answer.predictions;
  const names = Object.keys(model.contract.signatures[name].outputs);
  return Object.fromEntries(names.map((key) => [key, [names.length === 1 ? row : row[key]]]));
}

/**
 * The answers to a question, as they come: {outputs, isFinished}; of a text that is written piece by piece also `attention`
 * and `source`, the pieces that were read.
 *
 * @param question One of `questionsOf`.
 * @param inputs By name; a `File` or a text goes to the question's `raw` signature.
 */
export async function* answers(model, question, inputs, options = {}) {
  const [only] = Object.values(inputs);
  if (question.isStreamed) yield* streamed(model, question, inputs, options);
  else if (only instanceof File) yield { outputs: await askFile(model, question.raw.name, only, options), isFinished: true };
  else if (typeof only === "string") {
    const outputs = await ask(model, question.raw.name, { [question.raw.input]: [only] }, options);
    yield { outputs, isFinished: true };
  } else yield { outputs: await ask(model, question.name, inputs, options), isFinished: true };
}

/** Whether the server writes this model's texts piece by piece: it needs these signatures for that. */
export const canStream = ({ encode, decode_step: step, write_step: write }, kind) =>
  Boolean(kind === "prompt" ? write : encode && step);

async function* streamed(model, question, inputs, options) {
  const name = Object.keys(inputs).find((key) => question.inputs[key].shape.length);
  const { [name]: text, ...single } = inputs;
  const [output] = question.texts;
  let last = "";
  let source = [...text.trim()]; // the pieces that are read: characters, where the server tells no others
  for await (const event of events(await post(urlOf(model.name, ":generate"), { text, ...single }, options))) {
    last = event.text;
    source = event.source ?? source;
    yield { outputs: { [output]: [last] }, attention: event.attention, source, isFinished: false };
  }
  yield { outputs: { [output]: [last] }, isFinished: true };
}

/** The events of an answer that is streamed, each as its JSON. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The answer broke off.");
    const lines = (waiting + value).split("\n\n");
    waiting = lines.pop();
    for (const line of lines) {
      const data = line.replace(/^data: /, "");
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}
