/** The live camera, classified picture after picture, where the browser gives one: over https and from the disk. */

import { at, guessList, messageOf, timesOf } from "./view.js";

const LIVE_TOP = 3;
/** Over so many milliseconds frames are counted. */
const SPAN_MS = 2000;
/** @type {Record<string, string>} */
const REASONS = {
  NotAllowedError: "the camera was not allowed: allow it in the browser's settings for this page",
  NotFoundError: "there is no camera",
  NotReadableError: "another program uses the camera",
};

/** @param {import("./client.js").Client} client @param {any} opened the worker's answer to `open` @returns {() => void} what stops it */
export function offerCamera(client, opened) {
  if (!navigator.mediaDevices?.getUserMedia) {
    return () => {}; // over plain http there is none: `Take one` asks the system's own
  }
  let wanted = new AbortController(); // what belongs to an earlier one, and comes late, changes nothing
  const stop = () => {
    wanted.abort();
    at("camera").hidden = true;
    at("live").setAttribute("aria-pressed", "false");
  };
  const start = async () => {
    stop();
    wanted = new AbortController();
    const { signal } = wanted;
    const fail = (/** @type {any} */ error) => {
      if (!signal.aborted) {
        stop();
        at("camera").hidden = false;
        at("rate").textContent = `No live picture: ${REASONS[error.name] ?? messageOf(error)}.`;
      }
    };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
      const [track] = stream.getVideoTracks();
      if (signal.aborted) {
        return track.stop(); // no longer wanted
      }
      signal.addEventListener("abort", () => track.stop());
      track.addEventListener("ended", () => fail(new Error("the camera was taken away")));
      at("live").setAttribute("aria-pressed", "true");
      at("camera").hidden = false;
      at("video").srcObject = stream;
      await at("video").play();
      await run(client, opened, signal);
    } catch (error) {
      fail(error);
    }
  };
  at("live").hidden = false;
  at("live").addEventListener("click", () => (at("live").getAttribute("aria-pressed") === "true" ? stop() : start()));
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  return stop;
}

/** The camera's next picture: the same is not counted twice. @returns {Promise<ImageBitmap>} */
async function nextPicture() {
  const video = at("video");
  await new Promise((resolve) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)));
  return createImageBitmap(video);
}

/** @param {import("./client.js").Client} client @param {any} opened @param {AbortSignal} signal that it is over */
async function run(client, opened, signal) {
  /** @type {number[]} */
  let times = [];
  while (!signal.aborted) {
    const file = await nextPicture();
    const { logits: [logits], ms } = await client.ask("look", { file, asked: [Number(at("model").value)] }, undefined, [file]);
    if (signal.aborted) {
      return; // what was said meanwhile stays
    }
    const now = performance.now();
    times = [...times.filter((time) => time > now - SPAN_MS), now];
    const perSecond = times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
    at("rate").textContent = `${perSecond.toFixed(1)} pictures a second · ${timesOf(ms, "reading", 1)}`;
    at("live-guesses").replaceChildren(guessList(logits, opened.labels, LIVE_TOP));
  }
}
