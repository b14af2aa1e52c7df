/* Images: (height, width, channels); grey ones also (height, width), as the rows that a recurrent network reads, or flat. */

import { drawingPad } from "../drawing.js";
import { figure, h, labelled, newId, titled } from "../elements.js";
import { shaped } from "../numbers.js";
import { canvasOf, coloursOf, fitted, greyOf, lightOnDark, paint, pixels } from "../pictures.js";

const TYPES = "image/png,image/jpeg";

/** How a picture is given the form of the training images, or null; by the shape where an export tells no more. */
function formOf({ picture, shape, minimum, maximum }) {
  const [height, width, channels] = shape.slice(1);
  if (picture || shape.length !== 4 || !height || !width || minimum !== 0 || maximum !== 1) return picture ?? null;
  if (channels === 1 && height === width) return { size: height, box: Math.round((height * 20) / 28), center: "mass" };
  return channels === 1 || channels === 3 ? { shape: [height, width, channels] } : null;
}

/** Height, width and channels of what a picture is made into. */
const sizesOfForm = ({ shape, size = 28 }) => shape ?? [size, size, 1];

function isDrawn(field) {
  const form = formOf(field);
  if (!form) return false;
  const [height, width, channels] = sizesOfForm(form);
  return channels === 1 && height === width;
}

export const canAsk = (field) => (field.dtype === "string" ? field.shape.length === 1 : Boolean(formOf(field)));
export const canShow = ({ dtype, shape }) => dtype !== "string" && shape.length >= 2 && shape.length <= 4;
export function asks(field, count) {
  if (count > 1) return isDrawn(field) ? `Draw ${count === 2 ? "two" : count}` : "Choose the pictures";
  return isDrawn(field) ? "Draw one" : "Choose a picture";
}
export const shows = () => "see the picture that it makes";

/** A pad to draw on, for grey pictures, and a picture file, chosen or dropped. */
export function ask(name, field, options) {
  return isDrawn(field) ? askDrawing(name, field, options) : askPhoto(name, field, options);
}

function askDrawing(name, field, { changed, takesFile, isOnly, previewSize }) {
  const form = formOf(field);
  const [height, width] = sizesOfForm(form);
  const title = titled(name);
  const label = (text) => (isOnly ? text : `${text}: ${title}`);
  const seen = pixels({ height, width }, label("What the network sees"), previewSize);
  let given = null; // {canvas, file} or {problem}
  const told = (next, isFinished) => {
    given = next;
    changed(isFinished);
  };
  const pad = drawingPad(label("Drawing pad"), (canvas, isFinished) => {
    file.value = "";
    told(canvas && { canvas }, isFinished);
  });
  const take = async (chosen) => {
    pad.clear();
    told(await opened(chosen), true);
  };
  const file = fileInput(take);
  pad.controls.append(labelled(label("or choose a picture"), file));
  takeDrops(pad.pad, take);
  const read = () => {
    const image = given?.canvas ? formed(given.canvas, form) : null;
    paint(seen, image);
    if (given?.problem) throw given.problem;
    if (!image && given?.file) throw new Error(`${given.file.name} is blank; choose a picture of one thing.`);
    return image && (takesFile && given.file ? given.file : arrayOf(image, field));
  };
  const heading = isOnly ? null : h("h4", {}, title);
  pad.pad.prepend(...(heading ? [heading] : []));
  const preview = figure(label("What the network sees"), seen);
  return { element: pad.pad, controls: pad.controls, preview, picture: seen, isLive: true, read, invitation: "draw something" };
}

function askPhoto(name, field, { changed, takesFile, isOnly }) {
  const shown = h("div", { class: "side" });
  let given = null;
  const take = async (chosen) => {
    given = await opened(chosen);
    if (given.canvas) {
      const attributes = { role: "img", "aria-label": chosen.name, class: "photo" };
      Object.entries(attributes).forEach((one) => given.canvas.setAttribute(...one));
      shown.replaceChildren(given.canvas);
    }
    changed(true);
  };
  const file = fileInput(take);
  const element = h("div", { class: "side" }, labelled(isOnly ? "Picture" : titled(name), file), shown);
  takeDrops(element, take);
  const read = () => {
    if (given?.problem) throw given.problem;
    if (!given) return null;
    return takesFile ? given.file : arrayOf(formed(given.canvas, formOf(field)), field);
  };
  return { element, isLive: true, read, invitation: "choose a picture" };
}

function fileInput(take) {
  const input = h("input", { type: "file", id: newId(), accept: TYPES, onchange: () => input.files[0] && take(input.files[0]) });
  return input;
}

function takeDrops(element, take) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("dropping");
  });
  element.addEventListener("dragleave", () => element.classList.remove("dropping"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

const opened = (file) =>
  canvasOf(file).then(
    (canvas) => ({ canvas, file }),
    (problem) => ({ problem }),
  );

/** (height, width, channels) in [0, 1] in the form of the training images, or null if there is nothing on it. */
function formed(canvas, picture) {
  if (picture.shape) return fitted(coloursOf(canvas), picture.shape);
  return lightOnDark(greyOf(canvas), picture)?.map((row) => row.map((value) => [value])) ?? null;
}

/** A batch of one, with the range and the shape that the network takes. */
function arrayOf(image, { shape, minimum, maximum }) {
  const [low, high] = [minimum ?? 0, maximum ?? 1];
  const flat = image.flat(2).map((value) => Math.round(1e4 * (low + (high - low) * value)) / 1e4);
  return [shaped(flat, shape.slice(1))];
}

/** (height, width, channels) in [0, 1] of one image of an output. */
function imageOf(row, { minimum, maximum }) {
  const [low, high] = [minimum ?? 0, maximum ?? 1];
  let image = row;
  if (!Array.isArray(row[0])) image = shaped(row, sizesOf([row.length]));
  const scaled = (value) => ((value ?? low) - low) / (high - low);
  return image.map((line) => line.map((pixel) => [pixel].flat().map(scaled)));
}

/** Height and width for the sizes of one image, (height, width, channels), (height, width), or of a flat square one. */
function sizesOf(sizes) {
  if (sizes.length > 1) return sizes.slice(0, 2).map((size, axis) => size ?? sizes[1 - axis] ?? 28);
  const side = Math.round(Math.sqrt(sizes[0] ?? 784));
  return side * side === sizes[0] ? [side, side] : [1, sizes[0]];
}

/** The picture, or all pictures where there are many. */
export function show(name, field, { isDefault, isMany, hasPreview, signature }) {
  const title = isDefault ? titled(name) : `${titled(name)}, ${signature}`;
  const blank = (label, size) => {
    const [height, width] = sizesOf(field.shape.slice(1));
    return pixels({ height, width }, label, size);
  };
  if (isMany) {
    const element = h("div", { class: "samples", role: "group", "aria-label": title });
    const show = (rows) => {
      const images = (rows ?? []).map((row) => imageOf(row, field));
      const canvases = images.map((image, index) => {
        const canvas = pixels({ height: image.length, width: image[0].length }, `${title} ${index + 1}`, "");
        paint(canvas, image);
        return canvas;
      });
      element.replaceChildren(...canvases);
    };
    return { element, show };
  }
  const canvas = blank(title, hasPreview ? "middle" : "large");
  const element = figure(hasPreview ? "What it makes of it" : titled(name), canvas);
  const show = (rows) => {
    const image = rows ? imageOf(rows[0], field) : null;
    if (image) {
      Object.assign(canvas, sizeIfOther(canvas, image));
      canvas.style.aspectRatio = canvas.width / canvas.height;
      element.classList.toggle("wide", canvas.width > 2 * canvas.height);
    }
    paint(canvas, image);
  };
  return { element, isPicture: true, show };
}

/** The size of an image, where a canvas has another. */
function sizeIfOther({ height, width }, image) {
  const size = { height: image.length, width: image[0].length };
  return size.height === height && size.width === width ? {} : size;
}
