/** Times of the package's models in this browser, as `levit-edge bench` writes them down. */

import { Client } from "./client.js";
import { percentile } from "./statistics.js";
import { alone } from "./turns.js";
import { at, counted, element, messageOf, offerJson, say, tableOf } from "./view.js";

/** @typedef {{rounds: number, runs: number, warmUp: number, threads: number[]}} Settings */
const MOST_RUNS = 100_000;
const MOST_THREADS = 64;
/** p90 over p50 from which something else was at work. */
const UNSTEADY = 1.5;
/** How browsers name themselves, and what they are called; most name Chrome and Safari besides, so the order counts. */
const BRANDS = {
  Edg: "Edge", EdgA: "Edge", EdgiOS: "Edge", OPR: "Opera", SamsungBrowser: "Samsung Internet", CriOS: "Chrome", FxiOS: "Firefox",
  Firefox: "Firefox", Chrome: "Chrome", HeadlessChrome: "Chrome", Version: "Safari",
};
const SYSTEMS = [/Android [\d.]+/, /iPhone OS [\d_]+/, /iPad; CPU OS [\d_]+/, /Windows NT [\d.]+/, /Mac OS X [\d_]+/, /CrOS/, /Linux/];

/**
 * @param {any} opened the worker's answer to `open` @param {any} embedded the package's files, for workers of its own
 * @param {() => void} quiet stops what else computes
 */
export function offerBenchmark(opened, embedded, quiet) {
  const asked = settingsIn(location.hash);
  const most = self.crossOriginIsolated ? navigator.hardwareConcurrency || 1 : 1;
  const settings = asked ?? { rounds: 5, runs: 20, warmUp: 3, threads: [1, 2, 4].filter((count) => count <= most) };
  const run = () => alone("benchmark", async () => {
    quiet();
    at("measured").replaceChildren();
    at("sending").hidden = true;
    const measurement = await measure(opened, embedded, settings).catch((error) => {
      sendFailure(error);
      throw error;
    });
    at("measured").append(...table(measurement), ...measurement.findings.map((each) => element("p", {}, each)),
      offerJson(measurement, "web-benchmark.json"));
    await offerSending(measurement, asked !== null);
    return "Ready: measured.";
  }, "measured", "Ready: nothing was measured.");
  at("bench").addEventListener("click", run);
  if (asked) {
    run();
  }
}

/** What `levit-edge bench --on web` asks for behind the address's `#`. @param {string} hash @returns {Settings | null} */
export function settingsIn(hash) {
  const asked = new URLSearchParams(hash.slice(1));
  const number = (/** @type {string} */ name, least = 1) => Math.min(MOST_RUNS, Math.max(least, Math.floor(Number(asked.get(name))) || least));
  if (!asked.has("bench")) {
    return null;
  }
  const counts = (asked.get("threads") ?? "1").split(",").map(Number);
  const threads = counts.every((count) => Number.isInteger(count) && count >= 1 && count <= MOST_THREADS) ? counts : []; // all, or it is refused
  return { rounds: number("rounds"), runs: number("runs"), warmUp: number("warm_up", 0), threads };
}

/** Send to where times are taken, if the page was served to be measured. @param {any} document_ @returns {Promise<Response> | null} */
function post(document_) {
  const address = document.querySelector('meta[name="results"]')?.getAttribute("content");
  const body = JSON.stringify(document_);
  return address ? fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body }) : null;
}

/** Tell who asked for a benchmark why there is none. @param {unknown} error */
export function sendFailure(error) {
  if (settingsIn(location.hash)) {
    post({ error: messageOf(error) })?.catch(() => {});
  }
}

/** Offer to send the document back if somebody takes it, or send it. @param {any} measurement @param {boolean} atOnce */
async function offerSending(measurement, atOnce) {
  const send = async () => {
    at("send").disabled = true;
    try {
      const answer = await post(measurement);
      at("sent").textContent = !answer || answer.ok ? "Sent." : `Not taken: ${(await answer.text()).slice(0, 300)}`;
    } catch {
      at("sent").textContent = "Not sent: the computer does not answer.";
      at("send").disabled = false;
    }
  };
  at("send").onclick = send; // in place of an earlier measurement's
  at("send").disabled = false;
  at("sent").textContent = "";
  at("sending").hidden = !document.querySelector('meta[name="results"]');
  if (atOnce) {
    await send();
  }
}

/** The document of docs/bench.schema.json. @param {any} opened @param {any} embedded @param {Settings} settings */
async function measure(opened, embedded, { rounds, runs, warmUp, threads }) {
  if (!threads.length || (Math.max(...threads) > 1 && !self.crossOriginIsolated)) {
    throw new Error(`threads of this page here: ${self.crossOriginIsolated ? `1 to ${MOST_THREADS}` : "one alone"}`);
  }
  const results = [];
  const speedups = [];
  /** @type {string[]} */
  const findings = ["In a browser, in WebAssembly: not native speed."];
  for (const count of threads) {
    say(`timing with ${counted(count, "thread")}`);
    const client = new Client();
    try {
      const { tests } = await client.ask("open", { embedded, threads: count });
      const timed = await client.ask("time", { rounds, runs, warmUp }, say);
      findings.push(ofClock(timed, count));
      results.push(...tests.map((/** @type {any} */ test, /** @type {number} */ i) => row(opened, test, timed.rounds[i], count)));
      if (tests.length === 2) {
        speedups.push(speedup(timed.rounds, count));
      }
    } finally {
      client.worker.terminate();
    }
  }
  findings.push(...unsteady(results, speedups));
  const { document: facts } = opened;
  return {
    schema_version: 1, levit_edge_version: facts.levit_edge_version, created_utc: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
    target: "web", bundle: facts.name,
    model: { name: `LeViT-${facts.name}`, classes: facts.classes, image_size: facts.input.image_size, manifest_sha256: facts.manifest_sha256 },
    device: await device(at("device").value.replace(/\p{C}/gu, "").trim()), before: {}, after: {}, rounds, runs, warm_up: warmUp, results, speedups,
    findings,
  };
}

/** @param {{step: number, together: number}} timed @param {number} threads */
function ofClock({ step, together }, threads) {
  const mean = together > 1 ? `, so that each time is the mean of ${together} inferences that followed each other` : "";
  return `With ${counted(threads, "thread")} the clock has steps of ${step.toFixed(3)} ms${mean}.`;
}

/** @param {any} opened @param {any} test @param {number[][]} rounds @param {number} threads */
function row(opened, test, rounds, threads) {
  const taken = rounds.flat();
  const [p50, p90, p99] = [50, 90, 99].map((percent) => rounded(percentile(taken, percent)));
  const [images] = opened.document.golden_input.shape;
  return {
    artifact: `${test.precision}.onnx`, runtime: "onnxruntime", precision: test.precision,
    size_bytes: opened.document.files[test.file].size_bytes, threads, package: opened.runtime, runs: taken.length,
    load_ms: rounded(test.loadMs), first_ms: rounded(test.firstMs), latency_ms: { p50, p90, p99, min: rounded(Math.min(...taken)) },
    images_per_second: rounded(1000 / p50),
    golden: { images, same_top1: test.sameTop1, sqnr_db: Number.isFinite(test.sqnrDb) ? test.sqnrDb : null },
  };
}

/** fp32's time over int8's, in rounds that followed each other. @param {number[][][]} rounds of int8 and of fp32 */
function speedup([fast, slow], /** @type {number} */ threads) {
  const ratios = fast.map((times, i) => percentile(slow[i], 50) / percentile(times, 50));
  const [p25, median, p75] = [25, 50, 75].map((percent) => rounded(percentile(ratios, percent)));
  return { runtime: "onnxruntime", precision: "int8", threads, median, p25, p75 };
}

/** Whether other work took time from the measurement, as a finding. @param {any[]} results @param {any[]} speedups @returns {string[]} */
export function unsteady(results, speedups) {
  const most = Math.max(...results.map(({ latency_ms: { p50, p90 } }) => p90 / p50));
  const signs = most > UNSTEADY ? [`a tenth of the runs took at least ${most.toFixed(1)} times the median`] : [];
  signs.push(...speedups.some(({ p25, p75 }) => p25 < 1 && p75 > 1) ? ["rounds differ in which model is faster"] : []);
  return signs.length ? [`The device was busy: ${signs.join(", and ")}. Close other pages and programs, and measure again.`] : [];
}

/** What browsers tell of a device, more of it in a secure context; nothing names its owner. @param {string} name by the user */
async function device(name) {
  const { hardwareConcurrency, deviceMemory, userAgentData, userAgent } = /** @type {any} */ (navigator);
  const more = (await userAgentData?.getHighEntropyValues?.(["model", "architecture", "platformVersion"]).catch(() => null)) ?? {};
  const brand = userAgentData?.brands.find((/** @type {any} */ each) => !/not.?a.?brand/i.test(each.brand));
  const told = named(userAgent);
  const browser = brand ? `${brand.brand} ${brand.version}` : told.browser;
  const system = [userAgentData?.platform, more.platformVersion].filter(Boolean).join(" ") || told.system;
  return {
    model: [name || more.model, `${browser} on ${userAgentData?.platform || system}`].filter(Boolean).join(", "), architecture: "wasm32",
    cores: [{ name: more.architecture || "unknown", count: hardwareConcurrency || 1, max_mhz: null }],
    usable_cores: hardwareConcurrency || 1, features: ["simd128"], memory_bytes: (deviceMemory || 0) * 2 ** 30,
    system, kernel: browser, python: "",
  };
}

/** Browser and system, from what is all that pages over plain http are told. @param {string} userAgent */
export function named(userAgent) {
  const browsers = Object.entries(BRANDS).map(([token, called]) => [called, new RegExp(`\\b${token}/(\\d+(?:\\.[1-9]\\d*)?)`).exec(userAgent)?.[1]]);
  const systems = SYSTEMS.map((system) => system.exec(userAgent)?.[0].replaceAll("_", "."));
  return { browser: browsers.find(([, version]) => version)?.join(" ") ?? "a browser", system: systems.find(Boolean) ?? "unknown" };
}

/** @param {any} measurement */
function table({ results, speedups }) {
  const rows = results.map((/** @type {any} */ { precision, threads, latency_ms: { p50, p90, p99, min } }) =>
    [precision, threads, ...[p50, p90, p99, min].map((each) => each.toFixed(1))]);
  const ratios = speedups.map((/** @type {any} */ { threads, median, p25, p75 }) => element("p", {},
    `int8 is ${median.toFixed(2)} times as fast as fp32 (${p25.toFixed(2)} to ${p75.toFixed(2)}), ${counted(threads, "thread")}`));
  return [tableOf(["model", "threads", "p50 ms", "p90", "p99", "min"], rows), ...ratios];
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toFixed(4));
}
