/** What the page shows. All that comes from outside is set as text, never as HTML. */

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

/** A message as a sentence, whether it is one already or not. @param {string} text */
export function sentence(text) {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** @param {number} count */
export function pictures(count) {
  return count === 1 ? "1 picture" : `${count} pictures`;
}

/** What was done with pictures that were given. @param {number} done @param {number} given */
export function classified(done, given) {
  const shown = given > MOST_RESULTS ? `, the last ${MOST_RESULTS} are shown` : "";
  return `Ready: ${done < given ? `${done} of ` : ""}${pictures(given)} classified${shown}.`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}

/** @param {any} opened the worker's answer to `open` @param {number} readyMs */
export function showPackage({ document: facts, tests, runtime, notice }, readyMs) {
  at("name").textContent = `LeViT ${facts.name}, ${facts.classes} classes`;
  at("tests").append(
    element("li", { class: "passed" }, `${1 + Object.keys(facts.files).length} files have their size and SHA-256`),
    ...tests.map((/** @type {any} */ test) => element("li", { class: "passed" },
      `${test.file} (${test.precision}) computes what it should: golden logits at most`
      + ` ${test.maxDifference.toPrecision(2)} apart, ${test.sqnrDb === Infinity ? "∞" : test.sqnrDb.toFixed(1)} dB SQNR of at least ${test.least_sqnr_db}`)));
  const rows = [
    ["Runtime", runtime],
    ["Ready after", `${(readyMs / 1000).toFixed(1)} s`],
    ...tests.flatMap((/** @type {any} */ test) => accuracyRow(test, facts.evaluation)),
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

/** @param {any} test @param {any} evaluation @returns {[string, string][]} */
function accuracyRow({ precision, accuracy }, evaluation) {
  if (accuracy?.top1 == null) {
    return [];
  }
  const drop = accuracy.drop_pt === null ? "" : `, drop from fp32 ${accuracy.drop_pt.toFixed(2)} points`;
  return [[`Top-1, ${precision}`, `${accuracy.top1.toFixed(2)} % of ${evaluation.samples} images where it was made${drop}`]];
}

/** @param {string} name @param {any} result the worker's answer to `classify` @param {string} precision of the model */
export function resultOf(name, { seen, turned, guesses, ms, width, height }, precision) {
  const times = `${precision} · ${width} × ${height}${turned ? ", turned as its EXIF says" : ""} · ms: decoding ${ms.decode.toFixed(0)},`
    + ` preprocessing ${ms.preprocess.toFixed(0)}, inference ${ms.inference.toFixed(1)}`;
  const text = element("div", {}, element("h3", {}, name), guessList(guesses), element("p", { class: "times" }, times));
  return element("article", { class: "result" }, drawn(seen), text);
}

/** @param {{label: string, probability: number}[]} guesses */
export function guessList(guesses) {
  return element("ol", { class: "guesses" }, ...guesses.map(({ label, probability }) => element("li", {},
    element("span", {}, label), element("span", {}, percent(probability)),
    element("progress", { value: probability, max: 1, "aria-hidden": "true" }))));
}

/** The square that the model saw. @param {import("./resize.js").Picture} seen */
export function drawn({ data, width, height }) {
  const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img", "aria-label": "What the model saw", width, height }));
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set([data[3 * i], data[3 * i + 1], data[3 * i + 2], 255], 4 * i);
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/** @param {string} name @param {string} reason */
export function refusedResult(name, reason) {
  return element("article", { class: "result refused" }, element("h3", {}, name), element("p", { class: "refusal" }, reason));
}

/** The newest first, and no more than a few: memory stays as it is. @param {HTMLElement} result */
export function addResult(result) {
  at("results").prepend(result);
  [...at("results").children].slice(MOST_RESULTS).forEach((each) => each.remove());
}
