/** Accuracy on a folder of the user's own pictures, as `levit-edge verify` counts it. */

import { pairedInterval, Tally } from "./statistics.js";
import { at, drawn, element, offerJson, percentOf, say, tableOf } from "./view.js";

const MOST_FLIPS = 24;
const MOST_NAMED = 10;

/** @typedef {{path: string, file: File}} Found */

/**
 * @param {import("./client.js").Client} client @param {any} opened the worker's answer to `open`
 * @returns {(folder: FileSystemDirectoryEntry) => void} what takes a folder that was dropped
 */
export function offerVerify(client, opened) {
  let stopped = false;
  const take = async (/** @type {Found[] | Promise<Found[]>} */ found) => {
    if (at("folder").disabled) {
      return; // one after the other
    }
    stopped = false;
    at("stop").hidden = false;
    at("folder").disabled = true;
    await verify(client, opened, found, () => stopped);
    at("folder").disabled = false;
    at("stop").hidden = true;
  };
  at("folder").addEventListener("change", () => {
    const files = [...at("folder").files];
    at("folder").value = "";
    take(files.map((file) => ({ path: withoutTop(file.webkitRelativePath), file })));
  });
  at("stop").addEventListener("click", () => { stopped = true; });
  return (folder) => take(filesIn(folder).then((found) => found.map(({ path, file }) => ({ path: withoutTop(path), file }))));
}

/** The folder that was dropped; null if there is none. @param {DragEvent} event @returns {FileSystemDirectoryEntry | null} */
export function droppedFolder(event) {
  const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
  return /** @type {any} */ (entries.find((entry) => entry?.isDirectory) ?? null);
}

/** @param {any} entry @param {string} path @returns {Promise<Found[]>} */
export async function filesIn(entry, path = entry.name) {
  if (entry.isFile) {
    return [{ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  }
  const reader = entry.createReader();
  const found = [];
  let some;
  do { // a part at a time, until there is none
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    found.push(...some);
  } while (some.length);
  return (await Promise.all(found.map((each) => filesIn(each, `${path}/${each.name}`)))).flat();
}

/** A path in the chosen folder, without that folder. @param {string} path */
function withoutTop(path) {
  return path.slice(path.indexOf("/") + 1);
}

/**
 * @param {import("./client.js").Client} client @param {any} opened @param {Found[] | Promise<Found[]>} files
 * @param {() => boolean} stopped
 */
async function verify(client, opened, files, stopped) {
  at("verified").replaceChildren();
  try {
    const found = await files;
    const set = await client.ask("imageSet", { paths: found.map(({ path }) => path) });
    const counted = await count(client, opened, set, new Map(found.map(({ path, file }) => [path, file])), stopped);
    show(opened, set, counted);
    say(`Ready: ${counted.tally.images} pictures verified.`, "ready");
  } catch (error) {
    at("verified").append(element("p", { class: "refusal" }, `${/** @type {Error} */ (error).message}.`));
    say("Ready: that folder cannot be verified.", "ready");
  }
}

/** @param {import("./client.js").Client} client @param {any} opened @param {any} set @param {Map<string, File>} files @param {() => boolean} stopped */
async function count(client, opened, set, files, stopped) {
  const order = [...opened.tests.keys()].reverse(); // fp32, the reference, is the last of two models
  const tally = new Tally(order.length);
  /** @type {any[]} */
  const flips = [];
  /** @type {{image: string, reason: string}[]} */
  const unreadable = [];
  for (const [i, path] of set.images.entries()) {
    if (stopped()) {
      break;
    }
    say(`${i + 1} of ${set.images.length}: ${path}`);
    const label = set.outputs ? set.outputs[path.slice(0, path.indexOf("/"))] : null;
    try {
      const { logits, predicted, seen } = await client.ask("judge", { file: files.get(path) });
      const flip = tally.add(order.map((model) => logits[model]), label);
      if (flip) {
        const names = order.map((model) => opened.labels[predicted[model]]);
        const shown = flips.length < MOST_FLIPS ? seen : null; // pixels of a few alone: memory stays as it is
        flips.push({ image: path, label: opened.labels[label], fp32: names[0], int8: names[1], seen: shown });
      }
    } catch (error) {
      unreadable.push({ image: path, reason: /** @type {Error} */ (error).message });
    }
  }
  return { tally, flips, unreadable, order, whole: tally.images + unreadable.length === set.images.length };
}

/** @param {any} opened @param {any} set @param {any} counted */
function show(opened, set, { tally, flips, unreadable, order, whole }) {
  const labelled = set.outputs !== null;
  const models = order.map((/** @type {number} */ model, /** @type {number} */ i) => ({
    file: opened.tests[model].file, precision: opened.tests[model].precision,
    top1: labelled ? percentOf(tally.top1[i], tally.images) : null, top5: labelled ? percentOf(tally.top5[i], tally.images) : null,
    top1_count: labelled ? tally.top1[i] : null, top5_count: labelled ? tally.top5[i] : null,
  }));
  const two = order.length === 2 && tally.images > 0;
  const result = {
    schema_version: 1, kind: "verification in a browser", model_json_sha256: opened.documentSha256,
    runtime: opened.runtime, browser: navigator.userAgent, images: tally.images, whole, labelled, paired_by: set.rule,
    passed_over: set.passedOver, unreadable, models,
    agreement: two ? percentOf(tally.same, tally.images) : null,
    drop_pt: two && labelled ? percentOf(tally.lost - tally.gained, tally.images) : null,
    drop_ci95_pt: two && labelled ? pairedInterval(tally.lost, tally.gained, tally.images) : null,
    flips_lost: two && labelled ? tally.lost : null, flips_gained: two && labelled ? tally.gained : null,
    flips: flips.map(({ seen, ...flip }) => flip),
  };
  at("verified").append(...report(result), ...flips.slice(0, MOST_FLIPS).map(flipped), offerJson(result, "verification.json"));
}

/** @param {any} result */
function report(result) {
  const shown = (/** @type {number | null} */ figure) => (figure === null ? "–" : figure.toFixed(2));
  const { images, whole, labelled, paired_by, passed_over, agreement, drop_pt, drop_ci95_pt, unreadable } = result;
  const rows = result.models.map((/** @type {any} */ { precision, top1, top5 }) => [precision, shown(top1), shown(top5)]);
  const set = [
    `${images} pictures`, whole ? "" : "stopped before the end",
    labelled ? `folders paired by ${paired_by}` : "without class folders",
    passed_over ? `${passed_over} other files passed over` : "",
  ];
  const sentences = [`${set.filter(Boolean).join(", ")}.`];
  if (agreement !== null) {
    sentences.push(`int8 and fp32 agree on ${shown(agreement)} %.`);
  }
  if (drop_pt !== null) {
    const interval = drop_ci95_pt.map(shown).join(" … ");
    sentences.push(`Drop ${shown(drop_pt)} points, 95 % interval ${interval}; ${result.flips_lost} lost, ${result.flips_gained} gained.`);
  }
  if (unreadable.length) {
    const named = unreadable.slice(0, MOST_NAMED).map((/** @type {any} */ each) => `${each.image} (${each.reason})`);
    const more = unreadable.length > MOST_NAMED ? " …" : "";
    sentences.push(`${unreadable.length} cannot be read and are left out: ${named.join("; ")}${more}`);
  }
  return [tableOf(["model", "top-1 %", "top-5 %"], rows), ...sentences.map((sentence) => element("p", {}, sentence))];
}

/** @param {any} flip */
function flipped({ image, label, fp32, int8, seen }) {
  return element("article", { class: "result" }, drawn(seen),
    element("div", {}, element("h3", {}, image), element("p", {}, `is ${label}; fp32 says ${fp32}, int8 says ${int8}`)));
}
