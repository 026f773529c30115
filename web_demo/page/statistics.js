/** Figures of many runs and of many images, as `levit-edge bench` and `levit-edge verify` compute them. */

/** 97.5 % quantile of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * The number below which `percent` percent, 0 to 100, of the numbers are; interpolated as numpy.percentile does.
 * @param {ArrayLike<number>} values at least one @param {number} percent
 */
export function percentile(values, percent) {
  const sorted = Float64Array.from(values).sort();
  const position = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(position);
  const rest = position - below;
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  // from the nearer one, so that equal numbers give themselves
  return rest < 0.5 ? low + (high - low) * rest : high - (high - low) * (1 - rest);
}

/**
 * 95 % interval of the drop, in percentage points: D. G. Bonett and R. M. Price, Journal of Educational and Behavioral
 * Statistics 37(4), 2012.
 * @param {number} lost images that were right in the reference only @param {number} gained in the candidate only
 * @param {number} samples
 * @returns {[number, number]}
 */
export function pairedInterval(lost, gained, samples) {
  const adjusted = samples + 2;
  const [pLost, pGained] = [(lost + 1) / adjusted, (gained + 1) / adjusted];
  const center = pLost - pGained;
  const half = Z95 * Math.sqrt((pLost + pGained - center ** 2) / adjusted);
  return [100 * Math.max(-1, center - half), 100 * Math.min(1, center + half)];
}

/**
 * What was found of an image: its class, if that is known, and the likeliest classes by each model, the best first.
 * @typedef {{image: string, label: number | null, tops: number[][], seen?: import("./resize.js").Picture}} Outcome
 */

/** What models did on the same images: of two the first is the reference. @param {Outcome[]} outcomes @param {number} models */
export function tally(outcomes, models) {
  const count = (/** @type {(outcome: Outcome) => boolean} */ is) => outcomes.filter(is).length;
  const ofEach = (/** @type {(top: number[], label: any) => boolean} */ is) =>
    Array.from({ length: models }, (_, model) => count(({ label, tops }) => is(tops[model], label)));
  return {
    top1: ofEach((top, label) => top[0] === label),
    top5: ofEach((top, label) => top.includes(label)),
    same: count(({ tops: [reference, candidate] }) => reference[0] === candidate?.[0]),
    lost: count((each) => isFlip(each) && each.tops[0][0] === each.label),
    gained: count((each) => isFlip(each) && each.tops[0][0] !== each.label),
  };
}

/** Whether one of two models is right and the other one is not. @param {Outcome} outcome */
export function isFlip({ label, tops: [reference, candidate] }) {
  return candidate !== undefined && (reference[0] === label) !== (candidate[0] === label);
}
