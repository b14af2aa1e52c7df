/* The page of `zoo serve`: what is served, and a way to play with every model.

   Modules without libraries. engine.js asks the server; questions.js finds out what a person can ask a model, question.js makes
   the panel of such a question, panels/KIND.js asks for a value of a kind and shows one; json.js asks with JSON. A panel is
   chosen by the kinds of what a model takes and gives, never by a name: a new kind is a new file in panels/. */

import { breakable, errorLine, h, say } from "./elements.js";
import * as engine from "./engine.js";
import { formPanel, signatureList } from "./json.js";
import { questionPanel } from "./question.js";
import { questionsOf } from "./questions.js";

const POLL = 3000; // milliseconds between two looks at what is served

/** Everything that a model can be played with. */
function panelsOf(model) {
  const panels = questionsOf(model).map((question) => {
    const panel = questionPanel(model, question, (outputs) => panels.forEach((other) => other !== panel && other.set(outputs)));
    return panel;
  });
  return [...panels.map(({ element }) => element), formPanel(model, !panels.length), signatureList(model)];
}

let served = []; // the models, each with `statuses`
let shown = null; // what main is built of

async function look() {
  const health = document.getElementById("health");
  try {
    const found = await engine.served();
    served = found.models;
    say(health, found.ready ? "ready" : "not ready");
    health.className = `pill ${found.ready ? "good" : "bad"}`;
    document.getElementById("key").hidden = true;
    list();
    select();
  } catch (problem) {
    if (problem.needsKey) document.getElementById("key").hidden = false;
    say(health, problem.message);
    health.className = "pill bad";
  }
}

const chosen = () => {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch {
    // no name of a model then
  }
  return name;
};
const current = () => (chosen() ? served.find(({ name }) => name === chosen()) : served[0]);

/** The list of models; only what changed is made anew, so that the focus stays. */
function list() {
  const links = document.getElementById("models");
  const items = new Map([...links.children].map((item) => [item.dataset.model, item]));
  links.replaceChildren(
    ...served.map((model) => {
      const serving = model.version !== null;
      const state = serving
        ? `version ${model.version} · ${model.engine}`
        : (model.statuses[0]?.state.toLowerCase() ?? "not there");
      const refused = model.statuses.filter(({ status }) => status.error_code !== "OK").length;
      let item = items.get(model.name);
      if (!item) {
        const link = h(
          "a",
          { href: `#${encodeURIComponent(model.name)}` },
          h("strong", {}, breakable(model.name)),
          h("span", { class: "state" }),
        );
        item = h("li", { "data-model": model.name }, link);
      }
      const [link, line] = [item.firstChild, item.querySelector(".state")];
      say(line, refused && serving ? `${state} · ${refused} refused` : state);
      line.className = `state ${serving ? "good" : "bad"}`;
      if (model === current()) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      return item;
    }),
  );
}

/** Shows the chosen model; it is built anew only if its version or its contract is another. */
function select() {
  const main = document.getElementById("main");
  const model = current();
  document.title = model ? `${model.name} · zoo serve` : "zoo serve";
  const identity = JSON.stringify(model ? [model.name, model.version, model.contract] : chosen());
  if (shown !== identity) {
    shown = identity;
    const title = h("h2", {}, model?.name ?? chosen());
    if (!model) {
      main.replaceChildren(
        title,
        h("p", {}, served.length ? "There is no such model here; choose one of the list." : "Nothing is served."),
      );
    } else if (model.contract === null) {
      main.replaceChildren(h("div", {}, title, h("ul", { class: "facts" })), h("p", {}, "No version of it answers now."));
    } else {
      let panels;
      try {
        panels = panelsOf(model);
      } catch (problem) {
        const [line, tell] = errorLine();
        tell(problem);
        panels = [line];
      }
      main.replaceChildren(h("div", {}, title, h("ul", { class: "facts" })), ...panels);
    }
  }
  const facts = main.querySelector(".facts");
  const lines = model?.statuses.map(({ version, state, status }) => {
    const refused = status.error_code !== "OK"; // its state is END then
    const told = [`version ${version}`, refused ? `refused: ${status.error_message}` : state.toLowerCase()];
    return [...told, ...(+version === model.version ? [model.engine] : [])].join(" · ");
  });
  if (facts && lines && facts.dataset.lines !== lines.join("\n")) {
    facts.dataset.lines = lines.join("\n");
    facts.replaceChildren(...lines.map((line) => h("li", {}, line)));
  }
}

async function watch() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

document.getElementById("key").addEventListener("submit", (event) => {
  event.preventDefault();
  engine.useKey(document.getElementById("key-value").value);
  look();
});
window.addEventListener("hashchange", () => {
  list();
  select();
});
watch();
