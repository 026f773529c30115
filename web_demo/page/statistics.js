/** Figures of many runs and of many images, as `levit-edge bench` and `levit-edge verify` compute them. */

import { predictedClass, topClasses } from "./logits.js";

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

/** What two models did on the same images: the first is the reference. */
export class Tally {
  /** @param {number} models 1 or 2 */
  constructor(models) {
    this.images = 0;
    this.top1 = Array(models).fill(0);
    this.top5 = Array(models).fill(0);
    this.same = 0;
    this.lost = 0;
    this.gained = 0;
  }

  /**
   * Count one image.
   * @param {ArrayLike<number>[]} logits of each model @param {number | null} label
   * @returns {boolean} whether the candidate's top-1 is right where the reference's is wrong, or the other way round
   */
  add(logits, label) {
    this.images += 1;
    const right = logits.map((each, i) => {
      const hit = label !== null && predictedClass(each) === label;
      this.top1[i] += Number(hit);
      this.top5[i] += Number(label !== null && topClasses(each, 5).includes(label));
      return hit;
    });
    if (logits.length < 2) {
      return false;
    }
    this.same += Number(predictedClass(logits[0]) === predictedClass(logits[1]));
    this.lost += Number(right[0] && !right[1]);
    this.gained += Number(right[1] && !right[0]);
    return right[0] !== right[1];
  }
}
