/** What the page shows. All that comes from outside is set as text, never as HTML. */

import { softmax, topClasses } from "./logits.js";

const MOST_RESULTS = 60;

/** @param {string} id @returns {any} */
export function at(id) {
  return document.getElementById(id);
}

/** An element. @param {string} tag @param {Record<string, any>} attributes @param {(Node | string)[]} children */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, String(value)));
  made.append(...children);
  return made;
}

/** Say what is going on. @param {string} text @param {"busy" | "ready" | "refused"} state for whoever drives the page */
export function say(text, state = "busy") {
  if (document.body.dataset.state === "refused") {
    return; // for good
  }
  at("status").textContent = text;
  document.body.dataset.state = state;
}

/** @param {string} text why the page is of no use here */
export function refuse(text) {
  at("refusal").textContent = text;
  at("refusal").hidden = false;
  at("classify").hidden = at("more").hidden = true;
  say("Nothing is classified.", "refused");
}

/** Why something is not there. @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** The same as a sentence. @param {unknown} error */
export function sentenceOf(error) {
  const text = messageOf(error);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** The same, to be seen. @param {unknown} error */
export function refusal(error) {
  return element("p", { class: "refusal" }, sentenceOf(error));
}

/** Such as `1 picture`, `2 pictures`. @param {number} count @param {string} what one of them */
export function counted(count, what) {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** What was done with pictures that were given. @param {number} done @param {number} given */
export function classified(done, given) {
  const shown = given > MOST_RESULTS ? `, the last ${MOST_RESULTS} are shown` : "";
  return `Ready: ${done < given ? `${done} of ` : ""}${counted(given, "picture")} classified${shown}.`;
}

/** @param {{document: any, tests: any[], runtime: string, notice: string}} opened the worker's answer to `open` @param {number} readyMs */
export function showPackage({ document: facts, tests, runtime, notice }, readyMs) {
  at("name").textContent = `LeViT ${facts.name}, ${facts.classes} classes`;
  at("tests").append(
    element("li", { class: "passed" }, `${1 + Object.keys(facts.files).length} files have their size and SHA-256`),
    ...tests.map((test) => element("li", { class: "passed" },
      `${test.file} (${test.precision}) computes what it should: golden logits at most`
      + ` ${test.maxDifference.toPrecision(2)} apart, ${test.sqnrDb === Infinity ? "∞" : test.sqnrDb.toFixed(1)} dB SQNR of at least ${test.least_sqnr_db}`)));
  const rows = [
    ["Runtime", runtime],
    ["Ready after", `${(readyMs / 1000).toFixed(1)} s`],
    ...tests.filter(({ accuracy }) => accuracy?.top1 != null).map(({ precision, accuracy }) => [
      `Top-1, ${precision}`, `${accuracy.top1.toFixed(2)} % of ${facts.evaluation.samples} images where it was made`
        + (accuracy.drop_pt === null ? "" : `, drop from fp32 ${accuracy.drop_pt.toFixed(2)} points`),
    ]),
    ["Checkpoint", `${facts.checkpoint.source}, SHA-256 ${facts.checkpoint.sha256.slice(0, 16)}…`],
    ["Made by", `levit-edge ${facts.levit_edge_version}, ${facts.quantized_utc}`],
  ];
  at("facts").append(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  at("notice").textContent = notice;
}

/** @param {string[]} headings @param {any[][]} rows */
export function tableOf(headings, rows) {
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, String(cell)))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

/** Name -> the address of the last document of that name: the browser keeps what has one. @type {Map<string, string>} */
const offered = new Map();

/** A link that saves a document, in place of an earlier one. @param {any} document_ @param {string} name */
export function offerJson(document_, name) {
  URL.revokeObjectURL(offered.get(name) ?? "");
  const href = URL.createObjectURL(new Blob([`${JSON.stringify(document_, null, 1)}\n`], { type: "application/json" }));
  offered.set(name, href);
  return element("p", {}, element("a", { href, download: name, class: "button" }, "Save as JSON"));
}

/** A picture, if there is one, with its name and what is said of it. @param {string} name @param {import("./resize.js").Picture | null} seen @param {Node[]} said */
export function resultOf(name, seen, ...said) {
  const text = element("div", {}, element("h3", {}, name), ...said);
  return element("article", { class: "result" }, ...(seen ? [drawn(seen), text] : [text]));
}

/** How long it took, in milliseconds. @param {{decode: number, preprocess: number, inference: number}} ms @param {string} first what came first @param {number} digits */
export function timesOf({ decode, preprocess, inference }, first, digits) {
  return `ms: ${first} ${decode.toFixed(digits)}, preprocessing ${preprocess.toFixed(digits)}, inference ${inference.toFixed(1)}`;
}

/** @param {ArrayLike<number>} logits @param {string[]} labels @param {number} count how many of the likeliest classes are shown */
export function guessList(logits, labels, count) {
  const probabilities = softmax(logits);
  return element("ol", { class: "guesses" }, ...topClasses(logits, count).map((index) => element("li", {},
    element("span", {}, labels[index]), element("span", {}, `${(100 * probabilities[index]).toFixed(2)} %`),
    element("progress", { value: probabilities[index], max: 1, "aria-hidden": "true" }))));
}

/** The square that the model saw. @param {import("./resize.js").Picture} seen */
function drawn({ data, width, height }) {
  const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img", "aria-label": "What the model saw", width, height }));
  const pixels = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => (i % 4 < 3 ? data[3 * (i >> 2) + i % 4] : 255));
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

/** The newest first, and no more than a few: memory stays as it is. @param {HTMLElement} result */
export function addResult(result) {
  at("results").prepend(result);
  [...at("results").children].slice(MOST_RESULTS).forEach((each) => each.remove());
}
