/** The format of an image by how its file begins: as levit_edge/device/formats.py. */

/** @type {[string, string][]} */
const SIGNATURES = [
  ["\xff\xd8\xff", "JPEG"], ["\x89PNG\r\n\x1a\n", "PNG"], ["GIF87a", "GIF"], ["GIF89a", "GIF"],
  ["II*\0", "TIFF"], ["MM\0*", "TIFF"], ["II+\0", "TIFF"], ["MM\0+", "TIFF"],
  ["\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"], ["\xff\x4f\xff\x51", "JPEG 2000"],
  ["\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"], ["\xff\x0a", "JPEG XL"],
  ["8BPS", "PSD"], ["v/1\x01", "EXR"], ["%!PS", "PostScript"],
];
/** @type {Record<string, string>} */
const BRANDS = { avif: "AVIF", avis: "AVIF", heic: "HEIC", heix: "HEIC", heim: "HEIC", heis: "HEIC", hevc: "HEIC" };
const BMP_HEADER_BYTES = [12, 40, 52, 56, 64, 108, 124];
/** So much of a file tells what it is. */
export const HEAD_BYTES = 64;

/** Be it read or not; null for no image. @param {Uint8Array} bytes how a file begins */
export function imageFormat(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  const signed = SIGNATURES.find(([signature]) => head.startsWith(signature));
  if (signed) {
    return signed[1];
  }
  if (head.startsWith("RIFF") && head.startsWith("WEBP", 8)) {
    return "WEBP";
  }
  if (head.startsWith("BM") && head.length >= 18 && BMP_HEADER_BYTES.includes(new DataView(bytes.buffer, bytes.byteOffset).getUint32(14, true))) {
    return "BMP";
  }
  if (head.startsWith("ftyp", 4)) {
    const boxBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const places = [8, ...Array.from({ length: 12 }, (_, i) => 16 + 4 * i).filter((place) => place < boxBytes)];
    const known = places.map((place) => head.slice(place, place + 4)).find((brand) => Object.hasOwn(BRANDS, brand));
    return known ? BRANDS[known] : null;
  }
  return null;
}
