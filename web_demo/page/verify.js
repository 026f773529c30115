/** Accuracy on a folder of the user's own pictures, as `levit-edge verify` counts it. */

import { pairedInterval, Tally } from "./statistics.js";
import { alone } from "./turns.js";
import { at, drawn, element, offerJson, pictures, say, sentence, tableOf } from "./view.js";

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
    stopped = false;
    at("stop").hidden = false;
    await verify(client, opened, find, () => stopped);
    at("stop").hidden = true;
  });
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
  for await (const each of childrenOf(from)) {
    below.push(...await filesIn(each, inside + each.name));
  }
  return below.length || !path ? below : [{ path: inside }];
}

/** @param {any} folder a handle or an entry */
async function* childrenOf(folder) {
  if (folder.values) {
    yield* folder.values();
    return;
  }
  const reader = folder.createReader();
  for (let some = [null]; some.length;) { // a part at a time, until there is none
    some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    yield* some;
  }
}

/**
 * @param {import("./client.js").Client} client @param {any} opened @param {() => Promise<Found[]>} find
 * @param {() => boolean} stopped
 */
async function verify(client, opened, find, stopped) {
  at("verified").replaceChildren();
  try {
    const found = await find();
    const set = await client.ask("imageSet", { found });
    set.unsure = COUNTED.includes(set.rule) && found.some(({ file }) => file?.webkitRelativePath);
    const counted = await count(client, opened, set, new Map(found.map(({ path, file }) => [path, file])), stopped);
    show(opened, set, counted);
    say(`Ready: ${pictures(counted.tally.images)} verified.`, "ready");
  } catch (error) {
    at("verified").append(element("p", { class: "refusal" }, sentence(/** @type {Error} */ (error).message)));
    say("Ready: that folder cannot be verified.", "ready");
  }
}

/** @param {import("./client.js").Client} client @param {any} opened @param {any} set @param {Map<string, File | undefined>} files @param {() => boolean} stopped */
async function count(client, opened, set, files, stopped) {
  const order = [...opened.tests.keys()].reverse(); // fp32, the reference, is the last of two models
  const tally = new Tally(order.length);
  /** @type {any[]} */
  const flips = [];
  /** @type {{image: string, reason: string}[]} */
  const unreadable = [];
  let ended = "";
  for (const [i, path] of set.images.entries()) {
    if (stopped()) {
      break;
    }
    say(`${i + 1} of ${set.images.length}: ${path}`);
    const label = set.outputs ? set.outputs[i] : null;
    try {
      const { logits, predicted, seen } = await client.ask("judge", { file: files.get(path) });
      const flip = tally.add(order.map((model) => logits[model]), label);
      if (flip) {
        const names = order.map((model) => opened.labels[predicted[model]]);
        const shown = flips.length < MOST_FLIPS ? seen : null; // pixels of a few alone: memory stays as it is
        flips.push({ image: path, label: opened.labels[label], fp32: names[0], int8: names[1], seen: shown });
      }
    } catch (error) {
      const { message, ofPicture } = /** @type {import("./client.js").Refusal} */ (error);
      if (!ofPicture) { // others would fail too, and the rest is not all
        ended = `: ${message} (${path})`;
        break;
      }
      unreadable.push({ image: path, reason: message });
    }
  }
  return { tally, flips, unreadable, order, ended, whole: tally.images + unreadable.length === set.images.length };
}

/** @param {any} opened @param {any} set @param {Awaited<ReturnType<typeof count>>} counted */
function show(opened, set, { tally, flips, unreadable, order, ended, whole }) {
  const labelled = set.outputs !== null;
  const share = (/** @type {number} */ count, told = true) => (told && tally.images ? (100 * count) / tally.images : null);
  const models = order.map((/** @type {number} */ model, /** @type {number} */ i) => ({
    file: opened.tests[model].file, precision: opened.tests[model].precision,
    top1: share(tally.top1[i], labelled), top5: share(tally.top5[i], labelled),
    top1_count: labelled ? tally.top1[i] : null, top5_count: labelled ? tally.top5[i] : null,
  }));
  const two = order.length === 2;
  const compared = two && labelled && tally.images > 0;
  const result = {
    schema_version: 1, kind: "verification in a browser", model_json_sha256: opened.documentSha256,
    runtime: opened.runtime, browser: navigator.userAgent, images: tally.images, whole, labelled, paired_by: set.rule,
    passed_over: set.passedOver, unreadable, models,
    agreement: share(tally.same, two),
    drop_pt: share(tally.lost - tally.gained, compared),
    drop_ci95_pt: compared ? pairedInterval(tally.lost, tally.gained, tally.images) : null,
    flips_lost: compared ? tally.lost : null, flips_gained: compared ? tally.gained : null,
    flips: flips.map(({ seen, ...flip }) => flip),
  };
  at("verified").append(...report(result, set, ended), ...flips.slice(0, MOST_FLIPS).map(flipped), offerJson(result, "verification.json"));
}

/** @param {any} result @param {any} set @param {string} ended why it ended early */
function report(result, { told, unsure }, ended) {
  const shown = (/** @type {number | null} */ figure) => (figure === null ? "–" : figure.toFixed(2));
  const { images, whole, labelled, paired_by, agreement, drop_pt, drop_ci95_pt, unreadable } = result;
  const rows = result.models.map((/** @type {any} */ { precision, top1, top5 }) => [precision, shown(top1), shown(top5)]);
  const set = [
    images || !whole ? pictures(images) : "None of these pictures can be read", whole ? "" : `stopped before the end${ended}`,
    labelled ? `folders paired by ${paired_by}` : "without class folders",
    told,
  ];
  const named = unreadable.slice(0, MOST_NAMED).map((/** @type {any} */ each) => element("li", {}, `${each.image}: ${each.reason}`));
  const sentences = [
    `${set.filter(Boolean).join(", ")}.`,
    unsure && `Browsers name no empty folders of one that is chosen: if it has any, they are classes too, and this pairing by ${paired_by} is wrong. Drop the folder instead.`,
    agreement !== null && `int8 and fp32 agree on ${shown(agreement)} %.`,
    drop_pt !== null && `Drop ${shown(drop_pt)} points, 95 % interval ${drop_ci95_pt.map(shown).join(" … ")}; ${result.flips_lost} lost, ${result.flips_gained} gained.`,
    result.flips.length > MOST_FLIPS && `Of ${result.flips.length} pictures with another answer the first ${MOST_FLIPS} are shown; the JSON names all.`,
    unreadable.length && `${unreadable.length} cannot be read and are left out${unreadable.length > MOST_NAMED ? ", such as" : ""}:`,
  ].filter(Boolean).map((sentence) => element("p", {}, sentence));
  const table = images ? [tableOf(["model", "top-1 %", "top-5 %"], rows)] : [];
  return [...table, ...sentences, element("ul", {}, ...named)];
}

/** @param {any} flip */
function flipped({ image, label, fp32, int8, seen }) {
  return element("article", { class: "result" }, drawn(seen),
    element("div", {}, element("h3", {}, image), element("p", {}, `is ${label}; fp32 says ${fp32}, int8 says ${int8}`)));
}
