/** From a photograph to the model's input, with the same pixels and numbers as levit-edge in Python. */

import { resize } from "./resize.js";

const MOST_RESIZED_PIXELS = 150_000_000;

/**
 * `input` of model.json, docs/package-format.md.
 * @typedef {{image_size: number, resize: number, interpolation: string, crop: string, mean: number[], std: number[]}}
 *   InputFormat
 */

/**
 * Resizes the short side, or with `squash` both, and cuts the central square out.
 * @param {import("./resize.js").Picture} picture the right way up @param {InputFormat} format
 * @returns {import("./resize.js").Picture} what the model sees, image_size × image_size
 * @throws {Error} it is so elongated that it would have too many pixels when resized
 */
export function square(picture, format) {
  const size = format.image_size;
  const upright = picture.width <= picture.height;
  const [short, long] = upright ? [picture.width, picture.height] : [picture.height, picture.width];
  const other = format.crop === "squash" ? format.resize : Math.floor((format.resize * long) / short);
  if (format.resize * other > MOST_RESIZED_PIXELS) {
    throw new Error(`${picture.width} × ${picture.height} pixels are too elongated for this model: crop the picture first`);
  }
  const [width, height] = upright ? [format.resize, other] : [other, format.resize];
  const part = { width, height, left: margin(width, size), top: margin(height, size), columns: size, rows: size };
  return resize(picture, format.interpolation, part);
}

/** Of a side that is cropped; halves are rounded to even, as by Python. @param {number} side @param {number} size */
function margin(side, size) {
  const half = (side - size) / 2;
  return half % 1 === 0.5 && Math.floor(half) % 2 === 0 ? Math.floor(half) : Math.round(half);
}

/**
 * The planes of red, green and blue of a square, normalised in float32 as numpy does it.
 * @param {import("./resize.js").Picture} picture of 3 channels @param {InputFormat} format
 */
export function normalised(picture, format) {
  const plane = picture.width * picture.height;
  const input = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const [center, deviation] = [Math.fround(format.mean[channel]), Math.fround(format.std[channel])];
    const table = Float32Array.from({ length: 256 }, (_, value) => Math.fround(Math.fround(value / 255) - center) / deviation);
    for (let i = 0; i < plane; i++) {
      input[channel * plane + i] = table[picture.data[3 * i + channel]];
    }
  }
  return input;
}
