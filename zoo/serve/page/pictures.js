/* Pictures as people have them, in the form of the training images, and as canvases. */

import { h, range, within } from "./elements.js";

const INK = 0.2; // zoo.data.pictures.INK: fainter than this is paper

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
const resizedTo = (rows, height, width) => transposed(resizedRows(transposed(resizedRows(rows, width)), height));

/**
 * A picture in the form of the training images: `light_on_dark` of zoo/data/pictures.py, step by step.
 *
 * @param grey Rows of numbers from 0 to 255.
 * @param form {size, box, center}: height and width of the result, the longer side of the ink in it, and whether its "mass" or
 *     its "box" is put into the middle.
 * @returns `size` rows of `size` numbers in [0, 1], light on dark, or null if the picture is blank.
 */
export function lightOnDark(grey, { size = 28, box = 20, center = "mass" }) {
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
  const fitted = resizedTo(ink, height, width).map((row) =>
    row.map((value) => within(value, 0, 1)),
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
    return within(corner, 0, size - [height, width][axis]);
  });
  return range(size).map((row) => range(size).map((column) => (fitted[row - top]?.[column - left] ?? 0) / peak));
}

/** Rows of grey from 0 to 255 of a canvas; what is transparent lies on white, or on black if the ink is light. */
export function greyOf(canvas) {
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
export async function canvasOf(file) {
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

/** (height, width, channels) from 0 to 255 of a canvas, laid on white. */
export function coloursOf(canvas) {
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const laid = (at, alpha) => Math.round(255 + ((data[at] - 255) * alpha) / 255);
  const pixel = (at) => range(3).map((channel) => laid(at + channel, data[at + 3]));
  return range(height).map((row) => range(width).map((column) => pixel(4 * (row * width + column))));
}

/**
 * A picture in another shape: `fitted` of zoo/data/pictures.py, the largest middle part with the same ratio of sides, resized.
 *
 * @param colours (height, width, 3) from 0 to 255.
 * @param shape Height, width and channels, 1 or 3.
 * @returns Nested lists of that shape in [0, 1].
 */
export function fitted(colours, [height, width, channels]) {
  const scale = Math.min(colours.length / height, colours[0].length / width);
  const [high, wide] = [height, width].map((side) => Math.max(1, rounded(side * scale)));
  const [top, left] = [(colours.length - high) >> 1, (colours[0].length - wide) >> 1];
  const middle = colours.slice(top, top + high).map((row) => row.slice(left, left + wide));
  const grey = ([red, green, blue]) => Math.floor((19595 * red + 38470 * green + 7471 * blue + 0x8000) / 65536); // Pillow's
  const bands = channels === 1 ? [grey] : range(3).map((channel) => (pixel) => pixel[channel]);
  const resized = bands.map((band) => resizedTo(middle.map((row) => row.map(band)), height, width));
  const value = (number) => within(rounded(number), 0, 255) / 255;
  return range(height).map((row) => range(width).map((column) => resized.map((rows) => value(rows[row][column]))));
}

/** Draws (height, width, channels) in [0, 1], grey or coloured; null makes it black. */
export function paint(canvas, image) {
  const context = canvas.getContext("2d");
  if (!image) return context.clearRect(0, 0, canvas.width, canvas.height);
  const drawn = context.createImageData(canvas.width, canvas.height);
  image.flat().forEach((pixel, index) => {
    const [red, green = red, blue = red] = pixel.map((value) => Math.round(255 * within(value, 0, 1)));
    drawn.data.set([red, green, blue, 255], 4 * index);
  });
  context.putImageData(drawn, 0, 0);
}

/** A canvas whose pixels are seen as such. */
export const pixels = ({ height, width }, label, size) =>
  h("canvas", { height, width, class: `pixels ${size}`, role: "img", "aria-label": label });
