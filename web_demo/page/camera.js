/** The live camera, classified picture after picture, where the browser gives one: over https and from the disk. */

import { at, guessList } from "./view.js";

const LIVE_TOP = 3;
/** Over so many milliseconds frames are counted. */
const SPAN_MS = 2000;
const REASONS = {
  NotAllowedError: "the camera was not allowed: allow it in the browser's settings for this page",
  NotFoundError: "there is no camera",
  NotReadableError: "another program uses the camera",
};

/** @param {import("./client.js").Client} client @param {() => number} model @returns {() => void} what stops it */
export function offerCamera(client, model) {
  if (!navigator.mediaDevices?.getUserMedia) {
    return () => {}; // over plain http there is none: `Take one` asks the system's own
  }
  /** @type {MediaStream | null} */
  let stream = null;
  let turn = 0; // what belongs to an earlier one, and comes late, changes nothing
  const stop = () => {
    turn++;
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    at("camera").hidden = true;
    at("live").setAttribute("aria-pressed", "false");
  };
  const start = async () => {
    stop();
    const own = turn;
    const fail = (/** @type {Error} */ error) => own === turn && refuseCamera(stop, error);
    try {
      const given = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
      if (own !== turn) {
        return given.getTracks().forEach((track) => track.stop()); // no longer wanted
      }
      stream = given;
      given.getVideoTracks()[0].addEventListener("ended", () => fail(new Error("the camera was taken away")));
      at("live").setAttribute("aria-pressed", "true");
      at("camera").hidden = false;
      at("video").srcObject = given;
      await at("video").play();
      await run(client, model, () => own === turn);
    } catch (error) {
      fail(/** @type {Error} */ (error));
    }
  };
  at("live").hidden = false;
  at("live").addEventListener("click", () => (stream ? stop() : start()));
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  return stop;
}

/** Say why there is no live picture. @param {() => void} stop @param {Error} error */
function refuseCamera(stop, { name, message }) {
  stop();
  at("camera").hidden = false;
  at("rate").textContent = `No live picture: ${REASONS[/** @type {keyof typeof REASONS} */ (name)] ?? message}.`;
}

/** The camera's next picture: the same is not counted twice. @returns {Promise<ImageBitmap>} */
async function nextPicture() {
  const video = at("video");
  await new Promise((resolve) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)));
  return createImageBitmap(video);
}

/** @param {import("./client.js").Client} client @param {() => number} model @param {() => boolean} goesOn */
async function run(client, model, goesOn) {
  /** @type {number[]} */
  let times = [];
  while (goesOn()) {
    const frame = await nextPicture();
    const { guesses, ms } = await client.ask("classify", { file: frame, model: model(), top: LIVE_TOP }, undefined, [frame]);
    if (!goesOn()) {
      return; // what was said meanwhile stays
    }
    const now = performance.now();
    times = [...times.filter((time) => time > now - SPAN_MS), now];
    const perSecond = times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
    at("rate").textContent = `${perSecond.toFixed(1)} pictures a second · ms: reading ${ms.decode.toFixed(1)},`
      + ` preprocessing ${ms.preprocess.toFixed(1)}, inference ${ms.inference.toFixed(1)}`;
    at("live-guesses").replaceChildren(guessList(guesses));
  }
}
