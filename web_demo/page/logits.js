/** From logits to the likeliest classes, and whether they are those that a model gave where it was made. */

/** The probabilities, 0 to 1, of all classes. @param {ArrayLike<number>} logits @returns {Float64Array} */
export function softmax(logits) {
  const largest = Array.from(logits).reduce((one, other) => Math.max(one, other), -Infinity);
  const weights = Float64Array.from(logits, (each) => Math.exp(each - largest));
  const sum = weights.reduce((total, each) => total + each, 0);
  return weights.map((each) => each / sum);
}

/** The `count` classes with the largest logits, largest first; equal ones in class order. */
export function topClasses(/** @type {ArrayLike<number>} */ logits, /** @type {number} */ count) {
  const order = Array.from(logits, (_, index) => index);
  return order.sort((one, other) => logits[other] - logits[one] || one - other).slice(0, count);
}

/**
 * Found logits against golden ones, of all golden images: as `compare_golden` in Python.
 * @param {Float32Array[]} golden @param {ArrayLike<number>[]} found @param {number} leastSqnrDb
 * @returns {{passed: boolean, sqnrDb: number, maxDifference: number, sameTop1: number}} `sqnrDb` is Infinity if there
 *   is no difference, and -Infinity for other than finite numbers, or not one for each class
 */
export function compareGolden(golden, found, leastSqnrDb) {
  let [signal, noise, maxDifference] = [0, 0, 0];
  const whole = found.length === golden.length && golden.every((each, i) => found[i].length === each.length);
  for (let i = 0; whole && i < golden.length; i++) {
    for (let k = 0; k < golden[i].length; k++) {
      const difference = found[i][k] - golden[i][k];
      signal += golden[i][k] ** 2;
      noise += difference ** 2;
      maxDifference = Math.max(maxDifference, Math.abs(difference));
    }
  }
  if (!whole || !Number.isFinite(noise)) {
    return { passed: false, sqnrDb: -Infinity, maxDifference: Infinity, sameTop1: 0 };
  }
  const sameTop1 = golden.filter((each, i) => topClasses(each, 1)[0] === topClasses(found[i], 1)[0]).length;
  const passed = noise <= signal * 10 ** (-leastSqnrDb / 10);
  return { passed, sqnrDb: noise === 0 ? Infinity : 10 * Math.log10(signal / noise), maxDifference, sameTop1 };
}
