/**
 * Which way up a photograph was taken, as levit_edge/device/orientation.py reads it: EXIF's tag 0x0112 (CIPA DC-008) of
 * JPEG, PNG and WebP, and the properties of AVIF (ISO/IEC 23008-12). Browsers differ in which of these they heed.
 */

import { imageFormat } from "./formats.js";
import { avifProperties, nameAt, partsOf, unlessCut } from "./parts.js";

const ORIENTATION = 0x0112;
/** The types of whole numbers of two and of four bytes, with a sign or without. */
const SHORTS = [3, 8];
const LONGS = [4, 9];
const EXIF_SEGMENT = 0xffe1;
/** Whether a part of such a file is EXIF. @type {Record<string, (view: DataView, part: import("./parts.js").Part) => boolean>} */
const IS_EXIF = {
  JPEG: (view, { name, content }) => name === EXIF_SEGMENT && nameAt(view, content) === "Exif" && view.getUint16(content + 4) === 0,
  PNG: (_view, { name }) => name === "eXIf",
  WEBP: (view, { name }) => name === "EXIF" && nameAt(view, 12) === "VP8X" && (view.getUint8(20) & 8) > 0,
};
/** EXIF's number for quarters counter-clockwise of `irot`, and for none, axis 0 and axis 1 of `imir`. */
const AVIF_TURNS = [[1, 4, 2], [8, 5, 7], [3, 2, 4], [6, 7, 5]];

/**
 * `orientation` is 1 to 8, 1 where nothing is said; `pieces` are the file without its EXIF, of which `bytes` may be
 * changed; `turned` is whether browsers turn it all the same, as AVIF's properties are part of the picture.
 * @param {Uint8Array<ArrayBuffer>} bytes @returns {{orientation: number, pieces: Uint8Array<ArrayBuffer>[], turned: boolean}}
 */
export function orientationOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = imageFormat(bytes) ?? "";
  if (!(kind in IS_EXIF)) {
    return { orientation: unlessCut(() => avifOrientation(view), 1), pieces: [bytes], turned: true };
  }
  const exif = unlessCut(() => partsOf(view, kind).find((part) => IS_EXIF[kind](view, part)), undefined);
  if (!exif) {
    return { orientation: 1, pieces: [bytes], turned: false };
  }
  const orientation = unlessCut(() => tagOf(view, exif), 1);
  const cut = [bytes.subarray(0, exif.from), bytes.subarray(exif.to)];
  return { orientation, pieces: kind === "WEBP" ? [bytes.fill(0, exif.content, exif.to)] : cut, turned: false };
}

/** @param {DataView} view @param {import("./parts.js").Part} exif with its TIFF data, or a name before them */
function tagOf(view, { content, to }) {
  const tiff = nameAt(view, content) === "Exif" ? content + 6 : content;
  const little = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, little);
  const count = view.getUint16(directory, little);
  for (let at = directory + 2; at < directory + 2 + 12 * count && at + 12 <= to; at += 12) {
    if (view.getUint16(at, little) === ORIENTATION) {
      const [type, numbers] = [view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
      const short = SHORTS.includes(type) && [1, 2].includes(numbers) && view.getUint16(at + 8, little); // else elsewhere
      const value = short || (LONGS.includes(type) && numbers === 1 && view.getUint32(at + 8, little)) || 1;
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

/** @param {DataView} view */
function avifOrientation(view) {
  const properties = avifProperties(view);
  const [rotation, mirror] = ["irot", "imir"].map((name) => properties.find((box) => box.name === name));
  return AVIF_TURNS[rotation ? view.getUint8(rotation.content) & 3 : 0][mirror ? 1 + (view.getUint8(mirror.content) & 1) : 0];
}
