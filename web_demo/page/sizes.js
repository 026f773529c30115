/** How large a picture is, by what its file says: a browser that decodes one that is too large may end the page. */

import { imageFormat } from "./formats.js";
import { avifProperties, nameAt, partsOf, unlessCut } from "./parts.js";

/** The segments that begin a frame of a JPEG, which states its size. */
const isFrame = (/** @type {any} */ { name }) => name >= 0xffc0 && name <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(name);

/** Of each format, and of each kind of WebP, width and height. @type {Record<string, (view: DataView) => number[]>} */
const SIZES = {
  PNG: (view) => [view.getUint32(16), view.getUint32(20)],
  GIF: (view) => [view.getUint16(6, true), view.getUint16(8, true)],
  BMP: (view) => [view.getInt32(18, true), Math.abs(view.getInt32(22, true))],
  JPEG: (view) => partsOf(view, "JPEG").filter(isFrame)
    .map(({ content }) => [view.getUint16(content + 3), view.getUint16(content + 1)])[0],
  VP8X: (view) => [24, 27].map((at) => 1 + view.getUint16(at, true) + (view.getUint8(at + 2) << 16)),
  VP8L: (view) => [0, 14].map((bit) => 1 + ((view.getUint32(21, true) >> bit) & 0x3fff)),
  "VP8 ": (view) => [26, 28].map((at) => view.getUint16(at, true) & 0x3fff),
  AVIF: (view) => avifProperties(view).filter(({ name }) => name === "ispe")
    .map(({ content }) => [view.getUint32(content + 4), view.getUint32(content + 8)])
    .sort(([width, height], [otherWidth, otherHeight]) => otherWidth * otherHeight - width * height)[0],
};

/** Width and height, or null where that is not said. @param {Uint8Array<ArrayBuffer>} bytes @returns {number[] | null} */
export function statedSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const format = imageFormat(bytes) ?? "";
  return unlessCut(() => SIZES[format === "WEBP" ? nameAt(view, 12) : format]?.(view), null) ?? null;
}
