/** The format of an image by how its file begins: as levit_edge/device/formats.py. */

/** A BMP's header has one of so many bytes: 12, 40, 52, 56, 64, 108 or 124. @type {Record<string, RegExp>} */
const SIGNATURES = {
  JPEG: /^\xff\xd8\xff/, PNG: /^\x89PNG\r\n\x1a\n/, GIF: /^GIF8[79]a/, TIFF: /^(?:II[*+]\0|MM\0[*+])/,
  "JPEG 2000": /^(?:\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/, "JPEG XL": /^(?:\0\0\0\x0cJXL \r\n\x87\n|\xff\n)/,
  PSD: /^8BPS/, EXR: /^v\/1\x01/, PostScript: /^%!PS/, WEBP: /^RIFF.{4}WEBP/s, BMP: /^BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}/s,
};
/** @type {Record<string, string>} */
const BRANDS = { avif: "AVIF", avis: "AVIF", heic: "HEIC", heix: "HEIC", heim: "HEIC", heis: "HEIC", hevc: "HEIC" };
/** So much of a file tells what it is. */
export const HEAD_BYTES = 64;

/** Be it read or not; null for no image. @param {Uint8Array} bytes how a file begins */
export function imageFormat(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  const [signed] = Object.entries(SIGNATURES).find(([, signature]) => signature.test(head)) ?? [];
  if (signed || !head.startsWith("ftyp", 4)) {
    return signed ?? null;
  }
  const boxBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const places = [8, ...Array.from({ length: 12 }, (_, i) => 16 + 4 * i).filter((place) => place < boxBytes)];
  const known = places.map((place) => head.slice(place, place + 4)).find((brand) => Object.hasOwn(BRANDS, brand));
  return known ? BRANDS[known] : null;
}
