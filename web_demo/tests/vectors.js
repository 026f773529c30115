/** What scripts/golden_vectors.py wrote: pictures, and what levit-edge in Python makes of them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.LEVIT_EDGE_VECTORS;
if (!folder) {
  throw new Error("no golden vectors: python scripts/golden_vectors.py FOLDER, then set LEVIT_EDGE_VECTORS to FOLDER");
}

const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));

/** Cases of pairing, with their tables, and the table of what files are. */
export function tables() {
  return read("folders.json");
}

/** The cases of one kind, of which there are some. */
export function cases(kind) {
  const found = read("vectors.json")[kind];
  if (!found?.length) {
    throw new Error(`no cases of ${kind}`);
  }
  return found;
}

export function bytes(array) {
  return new Uint8Array(readFileSync(join(folder, array.file)));
}

export function floats(array) {
  return new Float32Array(bytes(array).buffer);
}

/** @returns {import("../page/resize.js").Picture} */
export function picture(array) {
  const [height, width, channels] = array.shape;
  return { data: bytes(array), width, height, channels };
}

/** The same picture as a browser has it: with alpha, which is not to be looked at. */
export function withAlpha({ data, width, height }) {
  const four = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    four.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    four[4 * i + 3] = i % 256;
  }
  return { data: four, width, height, channels: 4 };
}
