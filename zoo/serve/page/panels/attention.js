import { h, percent, range } from "../elements.js";

/** The picture of attention: a row for every token that was written, a column for every piece of the text that was read. */
export function attentionTable() {
  const element = h("figure", { hidden: true });
  const show = (steps, source) => {
    element.hidden = !steps.length;
    if (!steps.length) return;
    const cell = (weight) => {
      const made = h("td", { title: percent(weight) }, h("span", { class: "unseen" }, percent(weight)));
      made.style.setProperty("--weight", weight);
      return made;
    };
    const head = (piece, scope) => h("th", { scope }, piece.trim() || "␣");
    const pieces = range(steps[0].attention.length).map((index) =>
      (source[index] ?? "<end>").replace("\u2581", " ").replace("<end>", "⏎"),
    );
    const rows = steps.map(({ piece, attention }) => h("tr", {}, head(piece, "row"), attention.map(cell)));
    const table = h(
      "table",
      { class: pieces.some((piece) => piece.length > 2) ? "attention words" : "attention" },
      h(
        "caption",
        { class: "unseen" },
        "Attention: how much each written token (row) looked at each piece of the source (column)",
      ),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td"),
          pieces.map((piece) => head(piece, "col")),
        ),
      ),
      h("tbody", {}, rows),
    );
    element.replaceChildren(
      h("figcaption", {}, "Attention: every row is a token that was written, and shows where in the source the network looked."),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Attention" }, table),
    );
  };
  return { element, show };
}
