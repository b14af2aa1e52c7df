/* The page of `zoo serve`: what is served, and a way to play with every model.

   One file without libraries. From top to bottom: elements, the server, pictures, the parts of which panels are made, one
   function per kind of panel, and at the end the list of models. A panel is chosen by what a model's signatures take and give,
   never by its name; `panelsOf` is the place to add one. Styles are set through the CSSOM only, because the server's
   Content-Security-Policy forbids them in the markup. */

const POLL = 3000; // milliseconds between two looks at what is served
const PAD = 280; // pixels of the drawing pad
const PEN = 22; // width of its pen: as thick, of the whole, as MNIST's strokes
const INK = 0.2; // zoo.data.pictures.INK: fainter than this is paper
const FEW = 10; // sliders, bars and samples that are shown at once, about
const MOST_SHOWN = 20000; // characters of an answer in JSON
const TRY = {
  // What to type, for the texts that the networks of this package were trained on.
  seq2seq: ["Samstag, 21. November 2026", "11 OKTOBER 2001", "March 5, 1953", "le 14 juillet 1989"],
  translation: ["Ein Hund rennt durch den Schnee.", "Zwei Kinder spielen im Park.", "Eine Frau liest ein Buch."],
};

// ---------------------------------------------------------------------------------------------------------------- elements

/** An element: attributes by name, "on..." functions as listeners, null and false left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

let ids = 0;
const newId = () => `part-${++ids}`; // never the name of a model, which the address bar holds

/** Where a panel tells its errors: a function of an Error, or of nothing when all is well. */
function errorLine() {
  const line = h("p", { class: "error", role: "alert", hidden: true });
  const tell = (problem) => {
    line.hidden = !problem;
    if (line.textContent !== (problem?.message ?? "")) line.textContent = problem?.message ?? "";
  };
  return [line, tell];
}

/** A name that may be broken after its underscores. */
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const range = (count) => Array.from({ length: count }, (_, index) => index);

// ---------------------------------------------------------------------------------------------------------------- server

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
  if (response.status === 401) document.getElementById("key").hidden = false;
  const text = await response.text();
  let message = text;
  try {
    message = JSON.parse(text).error ?? text;
  } catch {
    // no JSON: the text says it
  }
  throw new Error(message.trim() || `The server answers ${response.status}.`);
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

const urlOf = (model, rest) => `/v1/models/${encodeURIComponent(model.name)}${rest}`;
const post = (path, content, options = {}) => fetched(path, { method: "POST", body: JSON.stringify(content), ...options });

/** The outputs of a signature, by name. */
async function ask(model, name, inputs) {
  const { outputs } = await json(await post(urlOf(model, ":predict"), { signature_name: name, inputs }));
  const names = Object.keys(model.signatures[name].outputs);
  return names.length === 1 ? { [names[0]]: outputs } : outputs;
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

// ---------------------------------------------------------------------------------------------------------------- pictures

/** Rounds as Python does, halves to the even number. */
function rounded(number) {
  const down = Math.floor(number);
  return number - down === 0.5 ? down + (down % 2) : Math.round(number);
}

/** Resizes rows of numbers by Lanczos' filter, along the rows; Pillow's arithmetic. */
function resizedRows(rows, width) {
  const scale = rows[0].length / width;
  const stretch = Math.max(scale, 1);
  const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const filter = (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);
  const columns = range(width).map((column) => {
    const middle = (column + 0.5) * scale;
    const from = Math.max(0, Math.trunc(middle - 3 * stretch + 0.5));
    const to = Math.min(rows[0].length, Math.trunc(middle + 3 * stretch + 0.5));
    const weights = range(to - from).map((index) => filter((from + index - middle + 0.5) / stretch));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { from, weights: weights.map((weight) => weight / total) };
  });
  return rows.map((row) =>
    columns.map(({ from, weights }) => weights.reduce((sum, weight, index) => sum + weight * row[from + index], 0)),
  );
}

const transposed = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));

/**
 * A picture in the form of the training images: `light_on_dark` of zoo/data/pictures.py, step by step.
 *
 * @param grey Rows of numbers from 0 to 255.
 * @param size Height and width of the result.
 * @param form {box, center}: the longer side of the ink, and whether its "mass" or its "box" is put into the middle.
 * @returns `size` rows of `size` numbers in [0, 1], light on dark, or null if the picture is blank.
 */
export function lightOnDark(grey, size, { box, center }) {
  const border = [...grey[0], ...grey.at(-1), ...grey.map((row) => row[0]), ...grey.map((row) => row.at(-1))];
  border.sort((a, b) => a - b);
  const background = (border[(border.length - 1) >> 1] + border[border.length >> 1]) / 2;
  const values = grey.flat();
  const lowest = values.reduce((a, b) => Math.min(a, b));
  const highest = values.reduce((a, b) => Math.max(a, b));
  const darkOnLight = background > (lowest + highest) / 2;
  const strongest = darkOnLight ? background - lowest : highest - background;
  if (strongest < 8) return null;
  if (!darkOnLight && grey.length === size && grey[0].length === size) return grey.map((row) => row.map((value) => value / 255));

  let ink = grey.map((row) =>
    row.map((value) => {
      const share = (darkOnLight ? background - value : value - background) / strongest;
      return share < INK ? 0 : share;
    }),
  );
  const cut = (rows) =>
    rows.slice(
      rows.findIndex((row) => row.some(Boolean)),
      rows.findLastIndex((row) => row.some(Boolean)) + 1,
    );
  ink = transposed(cut(transposed(cut(ink))));
  const scale = box / Math.max(ink.length, ink[0].length);
  const [height, width] = [ink.length, ink[0].length].map((side) => Math.max(1, rounded(side * scale)));
  const fitted = transposed(resizedRows(transposed(resizedRows(ink, width)), height)).map((row) =>
    row.map((value) => Math.max(0, Math.min(1, value))),
  );
  const peak = fitted.flat().reduce((a, b) => Math.max(a, b));

  const sums = (rows) => rows.map((row) => row.reduce((a, b) => a + b));
  const massCentre = (rows) => {
    const mass = sums(rows);
    return mass.reduce((sum, weight, index) => sum + weight * index, 0) / mass.reduce((a, b) => a + b);
  };
  const middles = center === "mass" ? [massCentre(fitted), massCentre(transposed(fitted))] : [(height - 1) / 2, (width - 1) / 2];
  const [top, left] = middles.map((middle, axis) => {
    const corner = rounded(Math.round(((size - 1) / 2 - middle) * 1000) / 1000);
    return Math.max(0, Math.min(size - [height, width][axis], corner));
  });
  return range(size).map((row) => range(size).map((column) => (fitted[row - top]?.[column - left] ?? 0) / peak));
}

/** Rows of grey from 0 to 255 of a canvas; what is transparent lies on white, or on black if the ink is light. */
function greyOf(canvas) {
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const light = new Float32Array(width * height);
  let [weighted, alphas, thinnest] = [0, 0, 255];
  for (let index = 0; index < light.length; index++) {
    const [red, green, blue, alpha] = data.subarray(4 * index, 4 * index + 4);
    light[index] = (299 * red + 587 * green + 114 * blue) / 1000;
    weighted += light[index] * alpha;
    alphas += alpha;
    thinnest = Math.min(thinnest, alpha);
  }
  const paper = thinnest < 128 && alphas && weighted / alphas > 127 ? 0 : 255;
  const laid = (index) => paper + ((light[index] - paper) * data[4 * index + 3]) / 255;
  return range(height).map((row) => range(width).map((column) => Math.round(laid(row * width + column))));
}

/** A canvas with a picture file, turned as its EXIF data say, at most 1000 pixels wide and high. */
async function canvasOf(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} cannot be read as a picture; choose a PNG or JPEG file.`);
  }
  const scale = Math.min(1, 1000 / Math.max(picture.width, picture.height));
  const canvas = h("canvas", { width: Math.ceil(picture.width * scale), height: Math.ceil(picture.height * scale) });
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Draws rows of numbers in [0, 1] as grey pixels; null makes it black. */
function paint(canvas, rows) {
  const context = canvas.getContext("2d");
  if (!rows) return context.clearRect(0, 0, canvas.width, canvas.height);
  const image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, index) => {
    const grey = Math.round(255 * Math.max(0, Math.min(1, value)));
    image.data.set([grey, grey, grey, 255], 4 * index);
  });
  context.putImageData(image, 0, 0);
}

const pixels = ({ height, width }, label, kind) =>
  h("canvas", { height, width, class: `pixels ${kind}`, role: "img", "aria-label": label });
const figure = (caption, canvas) => h("figure", {}, canvas, h("figcaption", {}, caption));

/** {height, width} of a tensor that is a grey picture, or null. */
function pictureOf({ dtype, shape }) {
  const sizes = shape.length === 4 && shape[3] === 1 ? shape.slice(0, 3) : shape;
  if (sizes.length !== 3 || !dtype.startsWith("float") || sizes[2] === null) return null;
  return { height: sizes[1] ?? sizes[2], width: sizes[2], hasChannel: shape.length === 4 };
}

/** Rows of one picture of an output. */
function rowsOf(value, { height, width }) {
  const flat = value.flat(Infinity);
  return range(height).map((row) => flat.slice(row * width, (row + 1) * width));
}

// ---------------------------------------------------------------------------------------------------------------- parts

/**
 * A pad to draw on with mouse, finger, pen or keyboard.
 *
 * `onchange(canvas, isFinished)` is told of every change, with null in place of the canvas once it is cleared.
 */
function drawingPad(onchange) {
  const help = newId();
  const canvas = h("canvas", {
    width: PAD,
    height: PAD,
    tabindex: 0,
    role: "application",
    "aria-label": "Drawing pad",
    "aria-roledescription": "drawing pad",
    "aria-describedby": help,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = h("div", { class: "pen" });
  const status = h("p", { class: "unseen", role: "status" });
  let [x, y, isDown, drawing] = [PAD / 2, PAD / 4, false, false];

  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, PAD, PAD);
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  };
  const line = (toX, toY) => {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.stroke();
  };
  const changed = (isFinished) => onchange(canvas, isFinished);
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * PAD, ((event.clientY - box.top) / box.height) * PAD];
  };
  const showPen = () => {
    pen.style.left = `${(100 * x) / PAD}%`;
    pen.style.top = `${(100 * y) / PAD}%`;
    pen.classList.toggle("down", isDown);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pen.classList.remove("shown");
    [drawing, isDown] = [true, false];
    [x, y] = place(event);
    line(x, y);
    changed(false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) {
      const [toX, toY] = place(move);
      line(toX, toY);
      [x, y] = [toX, toY];
    }
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (drawing) changed(true);
      drawing = false;
    });
  }

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = arrows[event.key];
    if (arrow) {
      const step = event.shiftKey ? 2 : 10;
      const inside = (value) => Math.max(PEN / 2, Math.min(PAD - PEN / 2, value));
      const [toX, toY] = [inside(x + step * arrow[0]), inside(y + step * arrow[1])];
      if (isDown) line(toX, toY);
      [x, y] = [toX, toY];
      if (isDown) changed(true);
    } else if (event.key === " ") {
      isDown = !isDown;
      status.textContent = isDown ? "Pen down" : "Pen up";
      if (isDown) {
        line(x, y);
        changed(true);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      reset();
    } else return;
    event.preventDefault();
    pen.classList.add("shown");
    showPen();
  });
  canvas.addEventListener("focus", () => pen.classList.toggle("shown", canvas.matches(":focus-visible")));
  canvas.addEventListener("blur", () => {
    pen.classList.remove("shown");
    isDown = false;
    showPen();
  });

  const reset = () => {
    clear();
    isDown = false;
    showPen();
    status.textContent = "Cleared";
    onchange(null, true);
  };
  clear();
  showPen();
  const pad = h(
    "div",
    { class: "side" },
    h("div", { class: "pad" }, canvas, pen),
    h("div", { class: "row" }, h("button", { type: "button", onclick: reset }, "Clear")),
  );
  const controls = h(
    "div",
    { class: "controls" },
    h(
      "p",
      { class: "hint", id: help },
      "Draw with mouse, finger or pen. By keyboard: arrows move the pen, Space puts it down and lifts it, Delete clears.",
    ),
    status,
  );
  return { pad, controls, clear };
}

/** Bars of the probabilities of classes, and the likeliest in large. */
function probabilityBars(classes, invitation = "draw something") {
  const few = classes.length <= FEW + 2;
  const bars = range(Math.min(classes.length, FEW + 2)).map(() => {
    const [name, fill, number] = [h("span"), h("div", { class: "fill" }), h("span", { class: "number" })];
    return { row: h("li", {}, name, h("div", { class: "track", "aria-hidden": "true" }, fill), number), name, fill, number };
  });
  const [best, share] = [h("b"), h("span", { class: "hint" })];
  const status = h("p", { class: "unseen", role: "status" });
  const element = h(
    "div",
    { class: "side" },
    h("div", { class: "verdict", "data-testid": "verdict" }, best, share),
    h(
      "ul",
      { class: "bars", "aria-label": "Probabilities" },
      bars.map(({ row }) => row),
    ),
    status,
  );
  const show = (probabilities, isFinished) => {
    let order = range(classes.length);
    const winner = probabilities ? order.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a)) : null;
    if (!few && probabilities) order = order.sort((a, b) => probabilities[b] - probabilities[a]);
    bars.forEach(({ row, name, fill, number }, index) => {
      const value = probabilities?.[order[index]] ?? 0;
      name.textContent = classes[order[index]];
      fill.style.width = `${100 * value}%`;
      number.textContent = probabilities ? percent(value) : "–";
      row.classList.toggle("best", order[index] === winner);
    });
    best.textContent = probabilities ? classes[winner] : "–";
    share.textContent = probabilities ? percent(probabilities[winner]) : invitation;
    if (isFinished) status.textContent = probabilities ? `${classes[winner]}, ${percent(probabilities[winner])}` : "";
  };
  show(null);
  return { element, show };
}

/** The picture of attention: a row for every token that was written, a column for every piece of the text that was read. */
function attentionTable() {
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

// ---------------------------------------------------------------------------------------------------------------- panels

/** {input, height, width, hasChannel} of a signature that takes one grey picture with values in [0, 1], or null. */
function pictureInput(signature) {
  const inputs = Object.entries(signature.inputs);
  const [input, field] = inputs[0] ?? [];
  if (inputs.length !== 1 || field.minimum !== 0 || field.maximum !== 1) return null;
  const picture = pictureOf(field);
  return picture?.height === picture?.width ? picture && { input, ...picture } : null;
}

/** To draw: the probabilities of a classifier, the reconstruction of an autoencoder, live. */
function drawingPanel(model, name, onCoding) {
  const signature = model.signatures[name];
  const picture = pictureInput(signature);
  const size = picture.height;
  const form = { box: Math.round((size * 20) / 28), center: "mass", ...model.contract.picture };
  const bars = "probabilities" in signature.outputs ? probabilityBars(classesOf(model, signature)) : null;
  const restored = "reconstruction" in signature.outputs ? pictureOf(signature.outputs.reconstruction) : null;
  const seen = pixels(picture, "What the network sees", restored ? "middle" : "small");
  const reconstruction = restored && pixels(restored, "Reconstruction", "middle");
  const [line, tell] = errorLine();
  const isFile = "classify_bytes" in model.signatures && bars;

  const show = (outputs, isFinished) => {
    bars?.show(outputs?.probabilities[0] ?? null, isFinished);
    if (reconstruction) paint(reconstruction, outputs && rowsOf(outputs.reconstruction[0], restored));
    if (outputs?.coding) onCoding(outputs.coding[0]);
  };
  const work = new Newest(async ({ canvas, file, isFinished }) => {
    try {
      const image = canvas && lightOnDark(greyOf(canvas), size, form);
      paint(seen, image);
      if (file && !image) throw new Error(`${file.name} is blank; choose a picture of one thing.`);
      if (!image) show(null, isFinished);
      else if (file && isFile) {
        const answer = await fetched(urlOf(model, ":predict"), {
          method: "POST",
          body: file,
          headers: { "Content-Type": file.type },
        });
        show({ probabilities: [(await json(answer)).predictions[0].probabilities] }, isFinished);
      } else {
        const digits = image.map((row) => row.map((value) => Math.round(1e4 * value) / 1e4));
        const value = picture.hasChannel ? digits.map((row) => row.map((one) => [one])) : digits;
        show(await ask(model, name, { [picture.input]: [value] }), isFinished);
      }
      tell(null);
    } catch (problem) {
      show(null, false);
      tell(problem);
    }
  });
  const pad = drawingPad((canvas, isFinished) => {
    file.value = "";
    work.do({ canvas, isFinished });
  });
  const file = h("input", {
    type: "file",
    id: newId(),
    accept: "image/png,image/jpeg",
    onchange: async () => {
      const chosen = file.files[0];
      if (!chosen) return;
      pad.clear();
      try {
        work.do({ canvas: await canvasOf(chosen), file: chosen, isFinished: true });
      } catch (problem) {
        show(null, false);
        tell(problem);
      }
    },
  });
  pad.controls.append(h("div", { class: "field" }, h("label", { for: file.id }, "or choose a picture"), file));
  const seenFigure = figure("What the network sees", seen);
  const result = restored
    ? h("div", { class: "pair" }, seenFigure, figure("What it makes of it", reconstruction))
    : h("div", { class: "side" }, bars.element, seenFigure);
  return h(
    "section",
    { class: "card" },
    h("h3", {}, bars ? "Draw one, and see what it is taken for" : "Draw something, and see it reconstructed"),
    h(
      "div",
      { class: "drawing" },
      pad.pad,
      h("div", { class: "side result" }, line, result, bars && restored ? bars.element : null),
      pad.controls,
    ),
  );
}

/** A picture file, and what it is taken for: for classifiers of photographs, which nobody draws. */
function photoPanel(model) {
  const bars = probabilityBars(classesOf(model, model.signatures.classify_bytes), "choose a picture");
  const [line, tell] = errorLine();
  const preview = h("div", { class: "side" });
  const choose = async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    try {
      const canvas = await canvasOf(chosen);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", chosen.name);
      canvas.classList.add("photo");
      preview.replaceChildren(canvas);
      const answer = await fetched(urlOf(model, ":predict"), {
        method: "POST",
        body: chosen,
        headers: { "Content-Type": chosen.type },
      });
      bars.show((await json(answer)).predictions[0].probabilities, true);
      tell(null);
    } catch (problem) {
      bars.show(null, false);
      tell(problem);
    }
  };
  const file = h("input", { type: "file", id: newId(), accept: "image/png,image/jpeg", onchange: choose });
  return h(
    "section",
    { class: "card" },
    h("h3", {}, "Choose a picture, and see what it is taken for"),
    h("div", { class: "field" }, h("label", { for: file.id }, "Picture"), file),
    h("div", { class: "drawing" }, preview, h("div", { class: "side result" }, line, bars.element)),
  );
}

function classesOf(model, signature) {
  return model.contract.classes ?? range(signature.outputs.probabilities.shape[1]).map(String);
}

/** Sliders over the codings of a decoder. `panel.set(coding)` moves them to a coding. */
function latentPanel(model, name) {
  const signature = model.signatures[name];
  const [[input, field]] = Object.entries(signature.inputs);
  const [output, declared] = Object.entries(signature.outputs).find(([, one]) => pictureOf(one));
  const picture = pictureOf(declared);
  const count = field.shape[1];
  const canvas = pixels(picture, "Decoded picture", "large");
  const [line, tell] = errorLine();
  const isNormal = "sample" in model.signatures; // the codings were trained to be standard normal
  let reach = 3; // of the sliders

  const work = new Newest(async (coding) => {
    try {
      const outputs = await ask(model, name, { [input]: [coding] });
      paint(canvas, rowsOf(outputs[output][0], picture));
      tell(null);
    } catch (problem) {
      tell(problem);
    }
  });
  const sliders = range(count).map((index) => {
    const id = newId();
    const number = h("output", { for: id }, "0.00");
    const moved = () => {
      number.textContent = (+slider.value).toFixed(2);
      work.do(sliders.map((one) => +one.slider.value));
    };
    const slider = h("input", { type: "range", id, min: -reach, max: reach, step: 0.01, value: 0, oninput: moved });
    const element = h("div", { class: "slider" }, h("label", { for: id }, `z${index + 1}`), slider, number);
    return { slider, number, element };
  });
  const set = (coding, isShown = true) => {
    if (!isNormal) reach = Math.max(reach, ...coding.map((value) => Math.ceil(1.2 * Math.abs(value))));
    sliders.forEach(({ slider, number }, index) => {
      [slider.min, slider.max, slider.value] = [-reach, reach, coding[index]];
      number.textContent = (+slider.value).toFixed(2);
    });
    if (isShown) work.do(coding);
  };

  const box = h("div", { class: "sliders", role: "group", "aria-label": "Codings" });
  const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => arrange(count) }, `Show all ${count}`);
  let order = range(count);
  const arrange = (shown) => {
    box.replaceChildren(...order.slice(0, shown).map((index) => sliders[index].element));
    more.hidden = shown >= count;
  };
  // Only once the order is known, so that no slider moves away under a hand.
  orderOfCodings(model, count)
    .then((found) => (order = found), tell)
    .then(() => arrange(FEW));
  set(Array(count).fill(0));

  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const within = (value) => Math.max(-reach, Math.min(reach, value));
  const panel = h(
    "section",
    { class: "card" },
    h("h3", {}, "Walk through its latent space"),
    h(
      "div",
      { class: "latent" },
      figure("Decoded from the sliders", canvas),
      h(
        "div",
        { class: "side" },
        h(
          "div",
          { class: "row" },
          h("button", { type: "button", onclick: () => set(range(count).map(() => within((normal() * reach) / 3))) }, "Random"),
          h("button", { type: "button", onclick: () => set(Array(count).fill(0)) }, "All zero"),
          more,
        ),
        box,
        count > FEW && isNormal
          ? h(
              "p",
              { class: "hint" },
              "The codings that change the picture most come first. A drawing moves the sliders to its own coding.",
            )
          : null,
        line,
      ),
    ),
  );
  return { panel, set: (coding) => set(coding) };
}

/** The codings of a decoder, those first whose mean varies most over samples; the network leaves many of them unused. */
async function orderOfCodings(model, count) {
  const { sample, encode } = model.signatures;
  const image = encode && pictureInput(encode);
  if (count <= FEW || !sample || !image || !("mean" in encode.outputs) || !isSampler(sample)) return range(count);
  const { [Object.keys(sample.outputs)[0]]: images } = await ask(model, "sample", { count: 32, seed: 0 });
  const { mean } = await ask(model, "encode", { [image.input]: images });
  const spread = range(count).map((index) => mean.reduce((sum, row) => sum + row[index] ** 2, 0));
  return range(count).sort((a, b) => spread[b] - spread[a]);
}

const isSampler = ({ inputs, outputs }) =>
  Object.keys(inputs).sort().join() === "count,seed" && pictureOf(Object.values(outputs)[0]) !== null;

/** New pictures from a model that draws them. */
function samplePanel(model, name) {
  const [[output, declared]] = Object.entries(model.signatures[name].outputs);
  const picture = pictureOf(declared);
  const count = 2 * FEW;
  const seed = h("input", { type: "number", id: newId(), value: 1, min: 0, max: 2 ** 31 - 1, step: 1, required: true });
  const grid = h("div", { class: "samples", role: "group", "aria-label": "Samples" });
  const status = h("p", { class: "hint", role: "status" });
  const [line, tell] = errorLine();
  const button = h("button", { class: "main" }, `Sample ${count}`);
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const asked = +seed.value;
      const outputs = await ask(model, name, { count, seed: asked });
      const canvases = outputs[output].map((image, index) => {
        const canvas = pixels(picture, `Sample ${index + 1}`, "");
        paint(canvas, rowsOf(image, picture));
        return canvas;
      });
      grid.replaceChildren(...canvases);
      status.textContent = `${canvases.length} samples of seed ${asked}`;
      seed.value = asked + 1;
      tell(null);
    } catch (problem) {
      tell(problem);
    }
    button.disabled = false;
  };
  return h(
    "section",
    { class: "card" },
    h("h3", {}, "Sample new pictures"),
    h("form", { onsubmit: submit }, h("div", { class: "row" }, h("label", { for: seed.id }, "Seed"), seed, button)),
    grid,
    status,
    line,
  );
}

/** A box for a text, and the answer as it is written. */
function textPanel(model) {
  const isStreamed = "encode" in model.signatures && "decode_step" in model.signatures;
  const box = h("textarea", { id: newId(), rows: 2, required: true, autocomplete: "off", spellcheck: "false" });
  const answer = h("output", { class: "answer", for: box.id, "aria-live": "polite", "aria-label": "Answer" });
  const facts = h("p", { class: "hint" });
  const [line, tell] = errorLine();
  const attention = attentionTable();
  const translate = h("button", { class: "main" }, "Translate");
  const stop = h("button", { type: "button", disabled: true, onclick: () => running?.abort() }, "Stop");
  let running = null;

  const streamed = async (text, signal) => {
    const steps = [];
    const started = performance.now();
    let source = [...text.trim()]; // the pieces that are read: characters, where the server tells no others
    let written = "";
    let tokens = 0;
    try {
      for await (const event of events(await post(urlOf(model, ":generate"), { text }, { signal }))) {
        tokens += 1;
        source = event.source ?? source;
        if (event.attention) {
          steps.push({ piece: event.text.slice(written.length) || "·", attention: event.attention });
          attention.show(steps, source);
        }
        answer.textContent = written = event.text;
      }
    } finally {
      const seconds = (performance.now() - started) / 1000;
      if (tokens) facts.textContent = `${tokens} tokens in ${seconds.toFixed(2)} s`;
    }
  };
  const whole = async (text) => {
    const [[input]] = Object.entries(model.signatures.translate.inputs);
    const outputs = await ask(model, "translate", { [input]: [text] });
    answer.textContent = outputs.text[0];
  };
  const submit = async (event) => {
    event?.preventDefault();
    running?.abort();
    const own = (running = new AbortController());
    answer.textContent = facts.textContent = "";
    attention.show([]);
    tell(null);
    answer.setAttribute("aria-busy", "true");
    stop.disabled = false;
    try {
      await (isStreamed ? streamed(box.value, own.signal) : whole(box.value));
    } catch (problem) {
      if (problem.name !== "AbortError") tell(problem);
    }
    if (running !== own) return; // a newer text is on its way
    answer.removeAttribute("aria-busy");
    stop.disabled = true;
  };
  const form = h(
    "form",
    { onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: box.id }, "Text"), box),
    h("div", { class: "row" }, translate, isStreamed ? stop : null),
  );
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const tries = TRY[model.contract.name] ?? [];
  const examples = tries.map((text) =>
    h("button", { type: "button", class: "quiet", onclick: () => ((box.value = text), form.requestSubmit()) }, text),
  );
  if (tries.length) {
    box.value = tries[0];
    form.append(
      h("div", { class: "row", role: "group", "aria-label": "Examples" }, h("span", { class: "hint" }, "Try:"), examples),
    );
  }
  return h("section", { class: "card" }, h("h3", {}, "Give it a text"), form, answer, facts, attention.element, line);
}

/** A form made from the contract, for any signature. */
function formPanel(model, isOpen) {
  const names = Object.keys(model.signatures);
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
      ...Object.entries(model.signatures[select.value].inputs).map(([name, field]) => {
        const id = newId();
        const value = written(exampleOf(name, field));
        const attributes = { id, class: "json", spellcheck: "false", autocomplete: "off", required: true };
        boxes[name] = field.shape.length
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

/** JSON with a space after every comma of a list, where its lines can break. */
const written = (value) => (Array.isArray(value) ? `[${value.map(written).join(", ")}]` : JSON.stringify(value));

/** What an input must be, in words. */
function describe({ dtype, shape, minimum, maximum, max_length: longest }) {
  const sizes = shape.map((size, axis) => size ?? (axis ? "any" : "batch"));
  const parts = [dtype, shape.length ? `(${sizes.join(", ")})` : "one value"];
  if (minimum !== null && minimum !== undefined) parts.push(`in [${minimum}, ${maximum ?? "∞"}]`);
  if (longest) parts.push(`at most ${longest} long`);
  return parts.join(" · ");
}

/** A value that keeps the contract: one row, and three steps where the length is free. */
function exampleOf(name, { dtype, shape, minimum, maximum }) {
  if (dtype === "string") return [name.endsWith("_bytes") ? { b64: examplePicture() } : "a text"];
  let value = 0;
  if (dtype === "bool") value = true;
  else if (dtype.startsWith("float")) value = minimum != null && maximum != null ? (minimum + maximum) / 2 : (minimum ?? 0);
  else value = Math.min(Math.max(minimum ?? 0, 1), maximum ?? 1); // not 0, which pads
  const fill = (sizes) => (sizes.length ? range(sizes[0]).map(() => fill(sizes.slice(1))) : value);
  return fill(shape.map((size, axis) => size ?? (axis ? 3 : 1)));
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
function signatureList(model) {
  const tensors = (every) =>
    Object.entries(every)
      .map(([name, one]) => `${name}: ${describe(one)}`)
      .join("; ");
  const rows = Object.entries(model.signatures).map(([name, { inputs, outputs }]) =>
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
    h("p", { class: "hint" }, "POST JSON to ", h("code", {}, urlOf(model, ":predict")), ", as to TensorFlow Serving."),
    h("ul", { class: "signatures" }, rows),
  );
}

/** Everything that a model can be played with, chosen by what its signatures take and give. */
function panelsOf(model) {
  const panels = [];
  const { decode, sample, encode, decode_step: step, translate } = model.signatures;
  const codings = decode && Object.values(decode.inputs);
  const isLatent =
    codings?.length === 1 &&
    codings[0].shape.length === 2 &&
    codings[0].shape[1] > 0 &&
    Object.values(decode.outputs).some(pictureOf);
  const latent = isLatent ? latentPanel(model, "decode") : null;

  const drawn = Object.keys(model.signatures).find((name) => {
    const { outputs } = model.signatures[name];
    const isAnswered = "probabilities" in outputs || ("reconstruction" in outputs && pictureOf(outputs.reconstruction));
    return isAnswered && pictureInput(model.signatures[name]);
  });
  if (drawn) panels.push(drawingPanel(model, drawn, (coding) => latent?.set(coding)));
  else if ("probabilities" in (model.signatures.classify_bytes?.outputs ?? {})) panels.push(photoPanel(model));
  if (latent) panels.push(latent.panel);
  if (sample && isSampler(sample)) panels.push(samplePanel(model, "sample"));
  if ((encode && step) || (translate && "text" in translate.outputs)) panels.push(textPanel(model));
  return [...panels, formPanel(model, !panels.length), signatureList(model)];
}

// ---------------------------------------------------------------------------------------------------------------- what is served

let served = []; // the models, each with `statuses`
let shown = null; // what main is built of

/** Changes an element's text only if it is another: what is announced is not announced again. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

async function look() {
  const health = document.getElementById("health");
  try {
    const ready = await fetch("/readyz").catch(() => null);
    const { models } = await json(await fetched("/v1/zoo"));
    served = await Promise.all(
      models.map(async (model) => {
        const told = await fetched(urlOf(model, "")).then(json, () => ({}));
        return { ...model, statuses: told.model_version_status ?? [] };
      }),
    );
    say(health, ready?.ok ? "ready" : "not ready");
    health.className = `pill ${ready?.ok ? "good" : "bad"}`;
    document.getElementById("key").hidden = true;
    list();
    await select();
  } catch (problem) {
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
async function select() {
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
        const told = await json(await fetched(urlOf(model, "/metadata")));
        const answered = told.metadata.signature_def.signature_def;
        const signatures = Object.entries(model.contract.signatures).filter(([name]) => name in answered);
        panels = panelsOf({ ...model, signatures: Object.fromEntries(signatures) });
      } catch (problem) {
        const [line, tell] = errorLine();
        tell(problem);
        panels = [line];
        if (shown === identity) shown = null; // tried again with the next look
      }
      if (current()?.name !== model.name) return;
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
  sessionStorage.setItem("zoo-key", document.getElementById("key-value").value);
  look();
});
window.addEventListener("hashchange", () => {
  list();
  select();
});
watch();
