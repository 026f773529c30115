/** From the file of a photograph, or a picture of the camera, to pixels. */

const MOST_PIXELS = 150_000_000;
/** So much of a file has its EXIF data, which a JPEG keeps in one segment near the beginning. */
const HEAD_BYTES = 2 ** 18;
const ORIENTATION = 0x0112;

/** A file that does not become pixels. */
export class PhotographError extends Error {}

/**
 * @param {Blob} file @param {boolean} asStored whether EXIF's orientation is passed over, as in evaluations
 * @returns {Promise<{picture: import("./resize.js").Picture, turned: boolean}>}
 * @throws {PhotographError}
 */
export async function decoded(file, asStored = false) {
  if (!file.size) {
    throw new PhotographError("an empty file");
  }
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const tag = orientationTag(head);
  const turned = tag !== null && tag.value > 1 && tag.value <= 8;
  const blob = turned && asStored ? withoutOrientation(file, head, tag) : file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new PhotographError("this browser cannot decode it: is it a whole picture, of a format that it knows?");
  }
  try {
    return { picture: pixelsOf(bitmap), turned: turned && !asStored };
  } finally {
    bitmap.close();
  }
}

/** @param {ImageBitmap} bitmap @returns {import("./resize.js").Picture} */
export function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new PhotographError(`${width} × ${height} pixels are more than ${MOST_PIXELS}`);
  }
  try {
    const context = /** @type {any} */ (new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }));
    context.drawImage(bitmap, 0, 0);
    return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  } catch {
    throw new PhotographError(`there is not enough memory for ${width} × ${height} pixels here`);
  }
}

/**
 * Where a JPEG says which way up it was taken (CIPA DC-008).
 * @param {Uint8Array} head how the file begins
 * @returns {{at: number, little: boolean, value: number} | null}
 */
export function orientationTag(head) {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (let at = 2; head[0] === 0xff && head[1] === 0xd8 && at + 10 <= head.length && head[at] === 0xff;) {
    const length = view.getUint16(at + 2);
    if (head[at + 1] === 0xe1 && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0) {
      return tagOf(view, at + 10, Math.min(at + 2 + length, head.length));
    }
    if (head[at + 1] === 0xda) {
      break;
    }
    at += 2 + length;
  }
  return null;
}

/** @param {DataView} view @param {number} start of the TIFF header @param {number} end */
function tagOf(view, start, end) {
  try {
    const little = view.getUint16(start) === 0x4949;
    const directory = start + view.getUint32(start + 4, little);
    const count = view.getUint16(directory, little);
    for (let at = directory + 2; at < directory + 2 + 12 * count && at + 12 <= end; at += 12) {
      if (view.getUint16(at, little) === ORIENTATION) {
        return { at: at + 8, little, value: view.getUint16(at + 8, little) };
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error; // damaged EXIF says nothing
    }
  }
  return null;
}

/** The same file with the orientation 1. @param {Blob} file @param {Uint8Array} head @param {{at: number, little: boolean}} tag */
function withoutOrientation(file, head, { at, little }) {
  const changed = head.slice();
  new DataView(changed.buffer).setUint16(at, 1, little);
  return new Blob([changed, file.slice(head.length)], { type: file.type });
}
