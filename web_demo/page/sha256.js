/** SHA-256 (FIPS 180-4), for pages that have no `crypto.subtle`: those that came over plain http. */

/** The first 64 are those up to 311. */
const PRIMES = Array.from({ length: 310 }, (_, i) => i + 2)
  .filter((number, i, all) => all.slice(0, i).every((each) => number % each !== 0));
/** The first 32 bits behind the point of the primes' square roots, and cube roots. */
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(prime ** (1 / 2)));
const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(prime ** (1 / 3)));

/** @param {number} root */
function fraction(root) {
  return ((root % 1) * 2 ** 32) | 0;
}

/** @param {Uint8Array} bytes @returns {string} 64 hexadecimal digits */
export function sha256(bytes) {
  const state = START.slice();
  const words = new Int32Array(64);
  const padded = new Uint8Array(64 * Math.ceil((bytes.length + 9) / 64)); // the bytes, a one, and the length in bits
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  for (let at = 0; at < padded.length; at += 64) {
    addBlock(state, words, view, at);
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** @param {Int32Array} state @param {Int32Array} words scratch @param {DataView} view @param {number} at */
function addBlock(state, words, view, at) {
  for (let i = 0; i < 16; i++) {
    words[i] = view.getInt32(at + 4 * i);
  }
  for (let i = 16; i < 64; i++) {
    const [x, y] = [words[i - 15], words[i - 2]];
    const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = (words[i - 16] + low + words[i - 7] + high) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + high + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
    const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + low + ((b & c) ^ (b & d) ^ (c & d))) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] = (state[i] + value) | 0;
  });
}
