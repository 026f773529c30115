/** Work that takes long has the device alone: beside other work its times would be wrong, and both slow. */

import { at, refusal, say } from "./view.js";

/** Each kind of work, and what it leaves usable. @type {Record<string, string[]>} */
const CONTROLS = { benchmark: [], verification: [], classification: ["choose", "take", "live", "model"] };
const ALL = ["choose", "take", "live", "model", "folder", "device", "bench"];

let atWork = "";
let works = 0;

/**
 * Do `work` now, if nothing is being done that leaves no place for it; else say so.
 * @param {string} kind @param {() => Promise<string>} work gives what to say at its end
 * @param {string} place the element for the reason if it fails @param {string} otherwise what to say then
 */
export async function alone(kind, work, place, otherwise) {
  if (works && (atWork !== kind || !CONTROLS[kind].length)) {
    at("turns").textContent = `Not taken: a ${atWork} is running. One after the other.`;
    return;
  }
  atWork = kind;
  works++;
  showTurns();
  try {
    say(await work(), "ready");
  } catch (error) {
    at(place).append(refusal(error));
    say(otherwise, "ready");
  } finally {
    works--;
    showTurns();
  }
}

function showTurns() {
  const usable = works ? CONTROLS[atWork] : ALL;
  ALL.forEach((id) => { at(id).disabled = !usable.includes(id); });
  at("turns").textContent = usable.includes("choose") ? "" : `A ${atWork} is running: other work waits.`;
}
