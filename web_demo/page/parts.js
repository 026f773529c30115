/**
 * The parts that files of images are made of: JPEG's segments, PNG's and WebP's chunks, and the boxes of AVIF and HEIC
 * (ISO/IEC 14496-12).
 */

/** @typedef {{name: string | number, from: number, content: number, to: number}} Part where it begins, where what is in it does, and where it ends */
/** @typedef {(view: DataView, at: number) => number} At */

/**
 * Of each kind of file: where its parts begin, how many bytes are before what is in them, what they are called, and how
 * long they are. Behind the scan of a JPEG there is none.
 * @type {Record<string, {first: number, head: number, name: (view: DataView, at: number) => string | number, bytes: At}>}
 */
const LAYOUTS = {
  JPEG: { first: 2, head: 4, name: (view, at) => view.getUint16(at), bytes: segmentBytes },
  PNG: { first: 8, head: 8, name: (view, at) => nameAt(view, at + 4), bytes: (view, at) => 12 + view.getUint32(at) },
  WEBP: { first: 12, head: 8, name: nameAt, bytes: (view, at) => 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2) },
  boxes: { first: 0, head: 8, name: (view, at) => nameAt(view, at + 4), bytes: boxBytes },
};
const [SCAN, FILL] = [0xffda, 0xffff];

/** @type {At} */
function segmentBytes(view, at) {
  const marker = view.getUint16(at);
  return marker === FILL ? 1 : marker === SCAN ? Infinity : 2 + view.getUint16(at + 2);
}

/** To the end of what it is in, if it is not said in these 4 bytes. @type {At} */
function boxBytes(view, at) {
  const bytes = view.getUint32(at);
  return bytes < 8 ? Infinity : bytes;
}

/**
 * All that are there as a whole, but for the last one's end.
 * @param {DataView} view @param {string} kind one of `LAYOUTS`, or there are none
 * @param {{content: number, to: number}} [inside] @returns {Part[]}
 */
export function partsOf(view, kind, inside) {
  const { first, head, name, bytes } = LAYOUTS[kind];
  const parts = [];
  const to = inside?.to ?? view.byteLength;
  for (let at = inside?.content ?? first; at + head <= to; at = parts[parts.length - 1].to) {
    parts.push({ name: name(view, at), from: at, content: at + head, to: Math.min(at + bytes(view, at), to) });
  }
  return parts;
}

/** The boxes of what an AVIF says of its pictures. @param {DataView} view */
export function avifProperties(view) {
  let inside = { content: 0, to: nameAt(view, 4) === "ftyp" ? view.byteLength : 0 };
  for (const name of ["meta", "iprp", "ipco"]) {
    const found = partsOf(view, "boxes", inside).find((box) => box.name === name) ?? { content: 0, to: 0 };
    inside = { content: found.content + (name === "meta" ? 4 : 0), to: found.to };
  }
  return partsOf(view, "boxes", inside);
}

/** The four letters there. @param {DataView} view @param {number} at */
export function nameAt(view, at) {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

/** What is read, or `otherwise` if the file ends too early. @template T @param {() => T} read @param {T} otherwise */
export function unlessCut(read, otherwise) {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) {
      return otherwise;
    }
    throw error;
  }
}
