/** How large a picture is, by what its file says: a browser that decodes one that is too large may end the page. */

import { imageFormat } from "./formats.js";
import { avifProperties } from "./orientation.js";

/** Of each format width and height. @type {Record<string, (view: DataView) => number[]>} */
const SIZES = {
  PNG: (view) => [view.getUint32(16), view.getUint32(20)],
  GIF: (view) => [view.getUint16(6, true), view.getUint16(8, true)],
  BMP: (view) => [view.getInt32(18, true), Math.abs(view.getInt32(22, true))],
  JPEG: jpegSize,
  WEBP: webpSize,
  AVIF: (view) => avifProperties(view).filter(({ name }) => name === "ispe")
    .map(({ from }) => [view.getUint32(from + 4), view.getUint32(from + 8)])
    .sort((one, other) => other[0] * other[1] - one[0] * one[1])[0],
};

/** Width and height, or null where that is not said. @param {Uint8Array<ArrayBuffer>} bytes @returns {number[] | null} */
export function statedSize(bytes) {
  try {
    return SIZES[imageFormat(bytes) ?? ""]?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.length)) ?? null;
  } catch (error) {
    if (error instanceof RangeError) { // it ends before
      return null;
    }
    throw error;
  }
}

/** In the header of its frame. @param {DataView} view */
function jpegSize(view) {
  for (let at = 2; ;) {
    const marker = view.getUint16(at);
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      return [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
    at += marker === 0xffff ? 1 : 2 + view.getUint16(at + 2);
  }
}

/** @param {DataView} view */
function webpSize(view) {
  const kind = view.getUint8(15);
  if (kind === 0x58) { // VP8X
    return [24, 27].map((at) => 1 + view.getUint16(at, true) + (view.getUint8(at + 2) << 16));
  }
  const bits = view.getUint32(21, true);
  return kind === 0x4c // VP8L, or else VP8
    ? [1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff)]
    : [26, 28].map((at) => view.getUint16(at, true) & 0x3fff);
}
