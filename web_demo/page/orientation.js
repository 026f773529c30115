/**
 * Which way up a photograph was taken, as levit_edge/device/orientation.py reads it: EXIF's tag 0x0112 (CIPA DC-008) of
 * JPEG, PNG and WebP, and the properties of AVIF (ISO/IEC 23008-12). Browsers differ in which of these they heed.
 */

const ORIENTATION = 0x0112;
/** The types of whole numbers of two and of four bytes, with a sign or without. */
const SHORTS = [3, 8];
const LONGS = [4, 9];
const [JPEG, PNG, RIFF] = [0xffd8, 0x89504e47, 0x52494646];
/**
 * Of each kind of file: where its parts begin; for a part, where the next one begins, and its TIFF data if it is EXIF.
 * @type {Record<number, {first: number, next: (view: DataView, at: number) => number, tiff: (view: DataView, at: number) => number | null}>}
 */
const PARTS = {
  [JPEG]: {
    first: 2,
    next: (view, at) => (view.getUint16(at) === 0xffff ? at + 1 : view.getUint16(at) === 0xffda ? Infinity : at + 2 + view.getUint16(at + 2)),
    tiff: (view, at) => (view.getUint16(at) === 0xffe1 && nameAt(view, at + 4) === "Exif" && view.getUint16(at + 8) === 0 ? at + 10 : null),
  },
  [PNG]: {
    first: 8,
    next: (view, at) => at + 12 + view.getUint32(at),
    tiff: (view, at) => (nameAt(view, at + 4) === "eXIf" ? at + 8 : null),
  },
  [RIFF]: {
    first: 12,
    next: (view, at) => at + 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2),
    tiff: (view, at) => (nameAt(view, at) === "EXIF" && nameAt(view, 12) === "VP8X" && view.getUint8(20) & 8 ? at + 8 : null),
  },
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
  const start = bytes.length < 16 ? 0 : view.getUint32(0);
  const kind = start >>> 16 === JPEG ? JPEG : start;
  if (!(kind in PARTS)) {
    return { orientation: unlessCut(() => avifOrientation(view), 1), pieces: [bytes], turned: true };
  }
  const part = unlessCut(() => exifPart(view, kind), null);
  if (!part) {
    return { orientation: 1, pieces: [bytes], turned: false };
  }
  const orientation = unlessCut(() => tagOf(view, part.tiff, part.to), 1);
  const pieces = kind === RIFF ? [bytes.fill(0, part.tiff, part.to)] : [bytes.subarray(0, part.from), bytes.subarray(part.to)];
  return { orientation, pieces, turned: false };
}

/** What is read, or `otherwise` if the file ends too early or its EXIF is damaged. @template T @param {() => T} read @param {T} otherwise */
function unlessCut(read, otherwise) {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) {
      return otherwise;
    }
    throw error;
  }
}

/** The first part of a file that is EXIF. @param {DataView} view @param {number} kind */
function exifPart(view, kind) {
  const { first, next, tiff } = PARTS[kind];
  for (let at = first; at < view.byteLength; at = next(view, at)) {
    const start = tiff(view, at);
    if (start !== null) {
      return { from: at, tiff: start, to: next(view, at) };
    }
  }
  return null;
}

/** @param {DataView} view @param {number} start of the TIFF data @param {number} end */
function tagOf(view, start, end) {
  const tiff = nameAt(view, start) === "Exif" ? start + 6 : start;
  const little = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, little);
  const count = view.getUint16(directory, little);
  for (let at = directory + 2; at < directory + 2 + 12 * count && at + 12 <= end; at += 12) {
    if (view.getUint16(at, little) === ORIENTATION) {
      const [type, numbers] = [view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
      const short = SHORTS.includes(type) && [1, 2].includes(numbers) && view.getUint16(at + 8, little); // else elsewhere
      const value = short || (LONGS.includes(type) && numbers === 1 && view.getUint32(at + 8, little)) || 1;
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

/** The boxes of what is said of its pictures. @param {DataView} view */
export function avifProperties(view) {
  const avif = nameAt(view, 4) === "ftyp";
  let inside = { from: 0, to: avif ? view.byteLength : 0 };
  for (const [name, skipped] of /** @type {[string, number][]} */ ([["meta", 4], ["iprp", 0], ["ipco", 0]])) {
    const found = boxes(view, inside).find((box) => box.name === name);
    inside = found ? { from: found.from + skipped, to: found.to } : { from: 0, to: 0 };
  }
  return boxes(view, inside);
}

/** @param {DataView} view */
function avifOrientation(view) {
  const properties = avifProperties(view);
  const [rotation, mirror] = ["irot", "imir"].map((name) => properties.find((box) => box.name === name));
  return AVIF_TURNS[rotation ? view.getUint8(rotation.from) & 3 : 0][mirror ? 1 + (view.getUint8(mirror.from) & 1) : 0];
}

/** @param {DataView} view @param {{from: number, to: number}} inside */
function boxes(view, { from, to }) {
  const found = [];
  for (let at = from; at + 8 <= to;) {
    const size = view.getUint32(at) || to - at;
    if (size < 8) {
      break;
    }
    found.push({ name: nameAt(view, at + 4), from: at + 8, to: Math.min(at + size, to) });
    at += size;
  }
  return found;
}

/** @param {DataView} view @param {number} at */
function nameAt(view, at) {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}
