/** What `levit-edge bench --on web` asks a page for, behind the `#` of its address. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { named, settingsIn, unsteady } from "../page/bench.js";

test("the settings of the command", () => {
  const asked = "#bench&rounds=20&runs=5&warm_up=1&threads=1,2";
  assert.deepEqual(settingsIn(asked), { rounds: 20, runs: 5, warmUp: 1, threads: [1, 2] });
});

test("without a request there are none", () => {
  for (const hash of ["", "#", "#top", "#rounds=3"]) {
    assert.equal(settingsIn(hash), null);
  }
});

test("numbers that are none, or too many, are made ones that can be", () => {
  const found = settingsIn("#bench&rounds=-3&runs=1e99&warm_up=x&threads=9");
  assert.deepEqual(found, { rounds: 1, runs: 100_000, warmUp: 0, threads: [9] });
  assert.deepEqual(settingsIn("#bench").threads, [1]);
  assert.deepEqual(settingsIn("#bench&threads=1000").threads, []);
  assert.deepEqual(settingsIn("#bench&threads=1,128").threads, []);
});

const MOZILLA = "Mozilla/5.0 ";
const ANDROID = `${MOZILLA}(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) `;
const IPHONE = `${MOZILLA}(iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) `;

test("browsers and systems by what they call themselves", () => {
  const cases = [
    [`${ANDROID}Chrome/130.0.0.0 Mobile Safari/537.36`, "Chrome 130 on Android 10"],
    [`${ANDROID}SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36`, "Samsung Internet 26 on Android 10"],
    [`${ANDROID}Chrome/130.0.0.0 Mobile Safari/537.36 EdgA/130.0.0.0`, "Edge 130 on Android 10"],
    [`${ANDROID}Chrome/127.0.0.0 Mobile Safari/537.36 OPR/85.0.0.0`, "Opera 85 on Android 10"],
    [`${MOZILLA}(Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0`, "Firefox 132 on Android 14"],
    [`${IPHONE}Version/18.1 Mobile/15E148 Safari/604.1`, "Safari 18.1 on iPhone OS 18.1"],
    [`${IPHONE}CriOS/130.0.6723.90 Mobile/15E148 Safari/604.1`, "Chrome 130 on iPhone OS 18.1"],
    [`${IPHONE}FxiOS/132.0 Mobile/15E148 Safari/605.1.15`, "Firefox 132 on iPhone OS 18.1"],
    [`${MOZILLA}(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0`, "Edge 130 on Windows NT 10.0"],
    [`${MOZILLA}(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15`, "Safari 17.4 on Mac OS X 10.15.7"],
    [`${MOZILLA}(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/150.0.0.0 Safari/537.36`, "Chrome 150 on Linux"],
    ["curl/8", "a browser on unknown"],
  ];
  for (const [userAgent, expected] of cases) {
    const { browser, system } = named(userAgent);
    assert.equal(`${browser} on ${system}`, expected);
  }
});

test("times of a busy device are told as such", () => {
  const quiet = [{ latency_ms: { p50: 10, p90: 11 } }];
  assert.deepEqual(unsteady(quiet, [{ p25: 1.4, p75: 1.6 }]), []);
  assert.match(unsteady([...quiet, { latency_ms: { p50: 10, p90: 23 } }], [])[0], /at least 2\.3 times the median\. Close/);
  assert.match(unsteady(quiet, [{ p25: 0.43, p75: 1.04 }])[0], /busy: rounds differ in which model is faster\. /);
});
