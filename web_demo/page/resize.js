/**
 * Resampling with antialiasing that gives the same 8-bit pixels as Pillow's `Image.resize`, which the model was measured
 * with; a browser's own scaler gives others.
 *
 * The kernel is widened when shrinking; one direction, then the other, each in fixed-point arithmetic and rounded to 8
 * bits. Which comes first is Pillow 13's choice. As Bicubic.java of the Android demo, and tested on the same vectors.
 */

/**
 * Pixels in memory, row after row.
 * @typedef {{data: Uint8Array | Uint8ClampedArray, width: number, height: number, channels: number}} Picture
 *   `channels` is 4 with alpha, which is not looked at, else 3.
 */

/** Of a weight: an int has 32 bits, 8 are the pixel's, and sums of weights with their signs take two more. */
const PRECISION_BITS = 32 - 8 - 2;
const HALF = 1 << (PRECISION_BITS - 1);
const KEYS_A = -0.5;

/** Name -> half its width, and the kernel itself. @type {Record<string, {support: number, at: (x: number) => number}>} */
const KERNELS = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** R. G. Keys' cubic convolution kernel (1981). @param {number} x */
function cubic(x) {
  if (x < 1) {
    return ((KEYS_A + 2) * x - (KEYS_A + 3)) * x * x + 1;
  }
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * KEYS_A : 0;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/**
 * Which pixels of one direction make up each pixel of the result, and with what weights.
 * @typedef {{first: Int32Array, values: Int32Array[], start: number, end: number}} Weights for each pixel of the result the
 *   first of the source that has a weight, and the weights from that one on, as fixed-point numbers; the first pixel of
 *   the source that is needed at all, and the one behind the last
 */

/**
 * For `count` pixels of the result from `from` on, when `length` pixels become `newLength`.
 * @param {{support: number, at: (x: number) => number}} kernel
 * @param {number} length @param {number} newLength @param {number} from @param {number} count @returns {Weights}
 */
function weightsOf(kernel, length, newLength, from, count) {
  const first = new Int32Array(count);
  const values = [];
  const scale = length / newLength;
  const widening = Math.max(1, scale);
  for (let i = 0; i < count; i++) {
    const center = (from + i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(center - kernel.support * widening + 0.5));
    const end = Math.min(length, Math.trunc(center + kernel.support * widening + 0.5));
    values.push(fixedPoint(kernel.at, first[i] - center + 0.5, end - first[i], 1 / widening));
  }
  return { first, values, start: first[0], end: first[count - 1] + values[count - 1].length };
}

/**
 * The kernel at `count` positions from `position` on, made to sum up to 1; rounded, halves away from zero.
 * @param {(x: number) => number} at @param {number} position @param {number} count @param {number} scale
 */
function fixedPoint(at, position, count, scale) {
  const values = Array.from({ length: count }, (_, k) => at((k + position) * scale));
  const sum = values.reduce((total, value) => total + value, 0);
  return Int32Array.from(values, (value) => {
    const share = (value / sum) * 2 ** PRECISION_BITS;
    return Math.trunc(share + (share < 0 ? -0.5 : 0.5));
  });
}

/**
 * Resizes to `width` × `height` and computes no more of that than `columns` × `rows` pixels from (`left`, `top`).
 * @param {Picture} picture @param {string} interpolation one of `KERNELS`
 * @param {{width: number, height: number, left: number, top: number, columns: number, rows: number}} part
 * @returns {Picture} of 3 channels
 */
export function resize(picture, interpolation, { width, height, left, top, columns, rows }) {
  const kernel = KERNELS[interpolation];
  const across = weightsOf(kernel, picture.width, width, left, columns);
  const down = weightsOf(kernel, picture.height, height, top, rows);
  const lostRows = picture.height - height;
  if (lostRows > 0 && lostRows > 2 * (picture.width - width)) {
    return resampled(resampled(picture, down, 0, true, across.start, across.end), across, across.start, false);
  }
  return resampled(resampled(picture, across, 0, false, down.start, down.end), down, down.start, true);
}

/**
 * One direction: the rows, or with `downwards` the columns, from `from` to before `to`, each as long as there are weights.
 * @param {Picture} picture @param {Weights} weights @param {number} cut how many pixels of each are gone at its beginning
 * @param {boolean} downwards
 * @returns {Picture}
 */
function resampled(picture, weights, cut, downwards, from = 0, to = downwards ? picture.width : picture.height) {
  const { data, channels } = picture;
  const [step, next] = downwards ? [picture.width * channels, channels] : [channels, picture.width * channels];
  const [width, height] = downwards ? [to - from, weights.first.length] : [weights.first.length, to - from];
  const result = new Uint8ClampedArray(3 * width * height);
  let out = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [line, place] = downwards ? [x, y] : [y, x];
      const values = weights.values[place];
      let at = (from + line) * next + (weights.first[place] - cut) * step;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let k = 0; k < values.length; k++) {
        const weight = values[k];
        red = (red + weight * data[at]) | 0;
        green = (green + weight * data[at + 1]) | 0;
        blue = (blue + weight * data[at + 2]) | 0;
        at += step;
      }
      result[out++] = red >> PRECISION_BITS;
      result[out++] = green >> PRECISION_BITS;
      result[out++] = blue >> PRECISION_BITS;
    }
  }
  return { data: result, width, height, channels: 3 };
}
