/** Accuracy on a folder of the user's own pictures, as `levit-edge verify` counts it. */

import { topClasses } from "./logits.js";
import { isFlip, pairedInterval, tally } from "./statistics.js";
import { alone } from "./turns.js";
import { at, counted, element, offerJson, resultOf, say, tableOf } from "./view.js";

const MOST_FLIPS = 24;
const MOST_NAMED = 10;
/** Rules that depend on how many folders there are, the empty ones counted. */
const COUNTED = ["indices from 1", "sorted order"];

/** @typedef {{path: string, file?: File}} Found */

/**
 * @param {import("./client.js").Client} client @param {any} opened the worker's answer to `open`
 * @param {() => void} quiet stops the camera
 * @returns {(folders: any[]) => void} what takes folders that were dropped
 */
export function offerVerify(client, opened, quiet) {
  let stopped = false;
  const take = (/** @type {() => Promise<Found[]>} */ find) => alone("verification", async () => {
    quiet();
    at("verified").replaceChildren();
    stopped = at("stop").hidden = false;
    const images = await verify(client, opened, find, () => stopped).finally(() => { at("stop").hidden = true; });
    return images ? `Ready: ${counted(images, "picture")} verified.` : "Ready: nothing was verified.";
  }, "verified", "Ready: that folder cannot be verified.");
  at("folder").addEventListener("change", () => {
    const files = [...at("folder").files];
    at("folder").value = "";
    take(async () => chosen(files));
  });
  at("stop").addEventListener("click", () => { stopped = true; });
  return (folders) => take(() => filesOf(folders));
}

/** Files of a folder that was chosen, which names none that are empty. @param {File[]} files @returns {Found[]} */
function chosen(files) {
  if (files.length && !files.some((file) => file.webkitRelativePath)) {
    throw new Error("this browser lets no folder be chosen: drop it on the page, or take another browser");
  }
  return files.map((file) => ({ path: file.webkitRelativePath.replace(/^[^/]*\//, ""), file }));
}

/**
 * What was dropped, if a folder is among it; else null. As handles where browsers have them, as Chromium lets a page from
 * the disk read no entries.
 * @param {DragEvent} event @returns {any[] | null}
 */
export function droppedFolders(event) {
  const items = /** @type {any[]} */ ([...(event.dataTransfer?.items ?? [])]);
  const dropped = items.map((item) => ({ item, entry: item.webkitGetAsEntry?.() })).filter(({ entry }) => entry);
  const folder = dropped.some(({ entry }) => entry.isDirectory);
  return folder ? dropped.map(({ item, entry }) => item.getAsFileSystemHandle?.() ?? entry) : null;
}

/** The files of a folder that was dropped, or of several, which are class folders. @param {any[]} folders @returns {Promise<Found[]>} */
export async function filesOf(folders) {
  const read = async (/** @type {any} */ folder) => filesIn(await folder, folders.length > 1 ? (await folder).name : "");
  return (await Promise.all(folders.map(read))).flat();
}

/** All files in a folder, and below; and the folders that are empty, which end with a slash. @param {any} from @param {string} path @returns {Promise<Found[]>} */
async function filesIn(from, path) {
  if (from.isFile || from.kind === "file") {
    return [{ path, file: await (from.getFile?.() ?? new Promise((resolve, reject) => from.file(resolve, reject))) }];
  }
  const inside = path && `${path}/`;
  const below = [];
  for await (const each of from.values?.() ?? entriesOf(from)) {
    below.push(...await filesIn(each, inside + each.name));
  }
  return below.length || !path ? below : [{ path: inside }];
}

/** @param {any} folder as browsers have it that give no handles */
async function* entriesOf(folder) {
  const reader = folder.createReader();
  for (let some = [null]; some.length;) { // a part at a time, until there is none
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    yield* some;
  }
}

/**
 * @param {import("./client.js").Client} client @param {any} opened @param {() => Promise<Found[]>} find
 * @param {() => boolean} stopped
 * @returns {Promise<number>} how many images were counted
 */
async function verify(client, opened, find, stopped) {
  const found = await find();
  const set = await client.ask("imageSet", { found });
  const order = [...opened.tests.keys()].reverse(); // fp32, the reference, is the last of two models
  const files = new Map(found.map(({ path, file }) => [path, file]));
  const look = (/** @type {string} */ path) => client.ask("look", { file: files.get(path), asked: order, asStored: true });
  const looked = await lookAtAll(set, stopped, look);
  const result = resultOfAll(opened, set, order.map((model) => opened.tests[model]), looked);
  const doubtful = COUNTED.includes(set.rule) && found.some(({ file }) => file?.webkitRelativePath);
  const flips = looked.outcomes.filter(isFlip).slice(0, MOST_FLIPS);
  at("verified").append(...report(result, set, looked.ended, doubtful), ...flips.map(({ seen }, i) => {
    const { image, label, fp32, int8 } = result.flips[i];
    return resultOf(image, seen ?? null, element("p", {}, `is ${label}; fp32 says ${fp32}, int8 says ${int8}`));
  }), offerJson(result, "verification.json"));
  return result.images;
}

/** @param {any} set @param {() => boolean} stopped @param {(path: string) => Promise<any>} look */
async function lookAtAll(set, stopped, look) {
  /** @type {import("./statistics.js").Outcome[]} */
  const outcomes = [];
  /** @type {{image: string, reason: string}[]} */
  const unreadable = [];
  let [ended, flips] = ["", 0];
  for (let i = 0; i < set.images.length && !ended && !stopped(); i++) {
    const image = set.images[i];
    say(`${i + 1} of ${set.images.length}: ${image}`);
    try {
      const { logits, seen } = await look(image);
      const label = set.outputs ? set.outputs[i] : null;
      const outcome = { image, label, tops: logits.map((/** @type {Float32Array} */ each) => topClasses(each, 5)) };
      const shown = isFlip(outcome) && ++flips <= MOST_FLIPS; // pixels of a few alone: memory stays as it is
      outcomes.push(shown ? { ...outcome, seen } : outcome);
    } catch (error) {
      const { message, ofPicture } = /** @type {any} */ (error);
      ofPicture ? unreadable.push({ image, reason: message }) : ended = `: ${message} (${image})`; // others would fail too
    }
  }
  return { outcomes, unreadable, ended };
}

/** @param {any} opened @param {any} set @param {any[]} tests of the models, in their order @param {Awaited<ReturnType<typeof lookAtAll>>} looked */
function resultOfAll(opened, set, tests, { outcomes, unreadable }) {
  const [images, labelled, two] = [outcomes.length, set.outputs !== null, tests.length === 2];
  const { top1, top5, same, lost, gained } = tally(outcomes, tests.length);
  const share = (/** @type {number} */ count, told = true) => (told && images ? (100 * count) / images : null);
  const compared = two && labelled && images > 0;
  return {
    schema_version: 1, kind: "verification in a browser", model_json_sha256: opened.documentSha256,
    runtime: opened.runtime, browser: navigator.userAgent, images, whole: images + unreadable.length === set.images.length,
    labelled, paired_by: set.rule, passed_over: set.passedOver, unreadable,
    models: tests.map(({ file, precision }, i) => ({
      file, precision, top1: share(top1[i], labelled), top5: share(top5[i], labelled),
      top1_count: labelled ? top1[i] : null, top5_count: labelled ? top5[i] : null,
    })),
    agreement: share(same, two),
    drop_pt: share(lost - gained, compared),
    drop_ci95_pt: compared ? pairedInterval(lost, gained, images) : null,
    flips_lost: compared ? lost : null, flips_gained: compared ? gained : null,
    flips: outcomes.filter(isFlip).map(({ image, label, tops }) => {
      const [fp32, int8] = tops.map(([best]) => opened.labels[best]);
      return { image, label: opened.labels[label ?? -1], fp32, int8 };
    }),
  };
}

/** @param {any} result @param {any} set @param {string} ended why it ended early @param {boolean} doubtful whether empty folders may be missing */
function report(result, { told }, ended, doubtful) {
  const shown = (/** @type {number | null} */ figure) => (figure === null ? "–" : figure.toFixed(2));
  const { images, whole, labelled, paired_by, agreement, drop_pt, drop_ci95_pt, unreadable } = result;
  const rows = result.models.map((/** @type {any} */ { precision, top1, top5 }) => [precision, shown(top1), shown(top5)]);
  const set = [
    images || !whole ? counted(images, "picture") : "None of these pictures can be read", whole ? "" : `stopped before the end${ended}`,
    labelled ? `folders paired by ${paired_by}` : "without class folders",
    told,
  ];
  const named = unreadable.slice(0, MOST_NAMED).map((/** @type {any} */ each) => element("li", {}, `${each.image}: ${each.reason}`));
  const sentences = [
    `${set.filter(Boolean).join(", ")}.`,
    doubtful && `Browsers name no empty folders of one that is chosen: if it has any, they are classes too, and this pairing by ${paired_by} is wrong. Drop the folder instead.`,
    agreement !== null && `int8 and fp32 agree on ${shown(agreement)} %.`,
    drop_pt !== null && `Drop ${shown(drop_pt)} points, 95 % interval ${drop_ci95_pt.map(shown).join(" … ")}; ${result.flips_lost} lost, ${result.flips_gained} gained.`,
    result.flips.length > MOST_FLIPS && `Of ${result.flips.length} pictures with another answer the first ${MOST_FLIPS} are shown; the JSON names all.`,
    unreadable.length && `${unreadable.length} cannot be read and are left out${unreadable.length > MOST_NAMED ? ", such as" : ""}:`,
  ].filter(Boolean).map((sentence) => element("p", {}, sentence));
  const table = images ? [tableOf(["model", "top-1 %", "top-5 %"], rows)] : [];
  return [...table, ...sentences, element("ul", {}, ...named)];
}
