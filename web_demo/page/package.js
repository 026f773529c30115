/** The package of a page, in it or in a folder beside it: nothing is used before its size and SHA-256 were compared. */

import { sha256 } from "./sha256.js";

const DOCUMENT = "model.json";
const VERSIONS = [1, 2];
/** What browsers and the runtime say when memory is short. */
export const OF_MEMORY = /alloc|out of memory|\bOOM\b|grow instance memory|array length|runtime failed: \d/i;
/** Where Python ends lines. */
const LINES = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/;

/** A package that is damaged, was changed, or is none. */
export class PackageError extends Error {}

/** @typedef {{file: string, precision: string, golden_output: {file: string, shape: number[]}, least_sqnr_db: number}} PackedModel */
/**
 * Each file of the page as base64 of gzip, or where a folder's files lie; and the hash of the document.
 * @typedef {{texts: Record<string, string>, address?: string | null, sha256: string}} Embedded
 */

export class Package {
  /** @param {any} document model.json @param {Map<string, Uint8Array<ArrayBuffer>>} files @param {string} documentSha256 */
  constructor(document, files, documentSha256) {
    this.document = document;
    this.files = files;
    this.documentSha256 = documentSha256;
    /** @type {string[]} */
    this.labels = lines(this.text(document.labels_file));
    if (this.labels.length !== document.classes) {
      throw new PackageError(`${this.labels.length} labels for ${document.classes} classes`);
    }
  }

  /**
   * @param {Embedded} embedded
   * @param {(name: string) => void} progress
   * @throws {PackageError}
   */
  static async open(embedded, progress) {
    const document = parsed(await checked(embedded, DOCUMENT, embedded.sha256));
    const files = new Map();
    for (const [name, { sha256: digest, size_bytes }] of Object.entries(document.files)) {
      progress(name);
      files.set(name, await checked(embedded, name, digest, size_bytes));
    }
    return new Package(document, files, embedded.sha256);
  }

  /** @param {string} name @returns {Uint8Array<ArrayBuffer>} */
  file(name) {
    const data = this.files.get(name);
    if (!data) {
      throw new PackageError(`there is no ${name}`);
    }
    return data;
  }

  /** @param {string} name */
  text(name) {
    return utf8(this.file(name), name);
  }

  /** The rows of an array, (N, …) float32. @param {{file: string, shape: number[]}} array @returns {Float32Array[]} */
  rows({ file, shape }) {
    const bytes = this.file(file);
    const whole = bytes.length === 4 * shape.reduce((product, side) => product * side, 1);
    const numbers = whole ? new Float32Array(bytes.slice().buffer) : new Float32Array();
    if (!whole || !numbers.every(Number.isFinite)) {
      throw new PackageError(`${file} is not ${shape.join(" × ")} finite numbers`);
    }
    const length = numbers.length / shape[0];
    return Array.from({ length: shape[0] }, (_, i) => numbers.subarray(i * length, (i + 1) * length));
  }
}

/** @param {Uint8Array} content @returns {any} */
function parsed(content) {
  let document;
  try {
    document = JSON.parse(utf8(content, DOCUMENT));
  } catch (error) {
    throw new PackageError(`${DOCUMENT} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!VERSIONS.includes(document.schema_version) || document.purpose !== "web") {
    throw new PackageError(`${DOCUMENT} is of version ${document.schema_version} for ${document.purpose}, expected 1 or 2 for web`);
  }
  return document;
}

/** @param {Embedded} embedded @param {string} name @param {string} digest @param {number} [size] in bytes; as the hash says */
async function checked(embedded, name, digest, size) {
  const data = await read(embedded, name);
  if (data.length !== (size ?? data.length) || sha256(data) !== digest) {
    throw damaged(name);
  }
  return data;
}

/** @param {Embedded} embedded @param {string} name @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function read({ texts, address }, name) {
  if (address) {
    const response = await fetch(address + encodeURIComponent(name));
    if (!response.ok) {
      throw new PackageError(`package/${name}: the server answers ${response.status}`);
    }
    return new Uint8Array(await response.arrayBuffer());
  }
  if (!Object.hasOwn(texts, name)) {
    throw new PackageError(`there is no ${name} in the page`);
  }
  try {
    const stream = new Blob([unpackedBase64(texts[name])]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw OF_MEMORY.test(String(error)) ? error : damaged(name);
  }
}

/** @param {string} text */
function unpackedBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) { // twenty times as fast as Uint8Array.from
    bytes[i] = binary.charCodeAt(i);
  }
  return bytes;
}

/** @param {string} name */
function damaged(name) {
  return new PackageError(`${name} is damaged or was changed: get the page again where it is from`);
}

/** @param {Uint8Array} content @param {string} name */
function utf8(content, name) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new PackageError(`${name} is not UTF-8`);
  }
}

/** As Python's splitlines. @param {string} text */
function lines(text) {
  const found = text.split(LINES);
  return found.at(-1) === "" ? found.slice(0, -1) : found;
}
