/** From the file of a photograph, or a picture of the camera, to pixels. */

import { imageFormat } from "./formats.js";
import { orientationOf } from "./orientation.js";
import { statedSize } from "./sizes.js";

const MOST_PIXELS = 150_000_000;
/** How each of EXIF's orientations turns: what x and y of the stored pixels add to x and y of those shown. */
const TURNS = [[1, 0, 0, 1], [-1, 0, 0, 1], [-1, 0, 0, -1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0], [0, -1, -1, 0], [0, -1, 1, 0]];
/** What turns each of them back. */
const BACK = [1, 2, 3, 4, 5, 8, 7, 6];

/** A file that does not become pixels. */
export class PhotographError extends Error {}

/**
 * @param {Blob} file @param {boolean} asStored whether its orientation is passed over, as in evaluations
 * @returns {Promise<{picture: import("./resize.js").Picture, turned: boolean}>}
 * @throws {PhotographError}
 */
export async function decoded(file, asStored = false) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!bytes.length) {
    throw new PhotographError("an empty file");
  }
  const [width, height] = statedSize(bytes) ?? [0, 0];
  requireFew(width, height);
  const { orientation, pieces, turned } = orientationOf(bytes);
  const left = turned === asStored ? orientation : 1;
  const blob = new Blob(pieces, { type: file.type });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => {
    const format = imageFormat(bytes);
    throw new PhotographError(`this browser cannot decode it: ${format ? `is it a whole ${format} file, and not too large?` : "not an image in a known format"}`);
  });
  return { picture: pixelsOf(bitmap, turned ? BACK[left - 1] : left), turned: !asStored && orientation > 1 };
}

/** @param {number} width @param {number} height @throws {PhotographError} */
function requireFew(width, height) {
  if (width * height > MOST_PIXELS) {
    throw new PhotographError(`${width} × ${height} pixels are ${Math.ceil((width * height) / 1e6).toLocaleString("en")} megapixels, at most ${MOST_PIXELS / 1e6} are decoded: scale it down first`);
  }
}

/** The pixels of a bitmap, which is closed. @param {ImageBitmap} bitmap @param {number} orientation by which to turn it @returns {import("./resize.js").Picture} */
export function pixelsOf(bitmap, orientation = 1) {
  const [width, height] = orientation > 4 ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
  try {
    requireFew(width, height);
    const context = /** @type {any} */ (new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }));
    const [a, b, c, d] = TURNS[orientation - 1];
    context.setTransform(a, b, c, d, a + c < 0 ? width : 0, b + d < 0 ? height : 0);
    context.drawImage(bitmap, 0, 0);
    return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  } catch (error) {
    throw error instanceof PhotographError ? error : new Error(`there is not enough memory for ${width} × ${height} pixels here`);
  } finally {
    bitmap.close();
  }
}
