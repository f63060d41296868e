/** The browser build of `ali-oss` in Chromium, on what the server vends: its calls, its refresh, and its own correction of a wrong clock. */

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { control } from "../support/emulator.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";
import { letTimePass } from "../support/time.mjs";

const SDK = createRequire(import.meta.url).resolve("ali-oss/dist/aliyun-oss-sdk.min.js");
const PAGE = '<!doctype html><meta charset="utf-8"><title>SDK</title><script src="/sdk.js"></script>';
const run = startRun("ali-oss-browser", "ali-oss", "JavaScript (Chromium)");
let browser, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "oss-vend-sdk-page-"));
  await copyFile(SDK, join(folder, "sdk.js"));
  await writeFile(join(folder, "sdk.html"), PAGE);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
  run.write();
});

/** A page and a cloud for one test. */
async function open(context) {
  const cloud = await startServer("--static-dir", folder);
  const opened = await openPage(browser, `${cloud.server}/sdk.html`);
  context.after(() => opened.close().finally(cloud.stop));
  await opened.page.evaluate(inPage, { headers: cloud.as("alice") });
  const clock = (offsetSeconds) => control(cloud, "PUT", "clock", { offsetSeconds });
  return { cloud, clock, page: opened.page };
}

/** Runs in the page. */
function inPage({ headers }) {
  globalThis.vended = async () => (await fetch("/sts", { headers })).json();
  const named = ({ AccessKeyId, AccessKeySecret, SecurityToken }) => ({ accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken });
  globalThis.client = (given, authorizationV4, refreshSTSTokenInterval = 300_000) =>
    new globalThis.OSS({
      region: `oss-${given.region}`,
      bucket: given.bucket,
      endpoint: given.endpoint,
      ...named(given),
      authorizationV4,
      refreshSTSTokenInterval,
      refreshSTSToken: async () => named(await globalThis.vended()),
    });
  globalThis.read = async (oss, key) => new TextDecoder().decode((await oss.get(key)).content);
  globalThis.code = (promise) => promise.then(() => "no error", (error) => error.code ?? String(error));
}

for (const v4 of [true, false]) {
  const version = v4 ? "V4" : "V1";

  test(`every call that a page would make (${version})`, async (context) => {
    const { page } = await open(context);
    const calls = await page.evaluate(async (v4) => {
      const oss = globalThis.client(await globalThis.vended(), v4);
      const dir = `uploads/页面 +/${v4}/`;
      const calls = [];
      const equal = (name, one, other) => {
        if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`${name}: ${JSON.stringify(one)}`);
        calls.push(name);
      };
      const stored = await oss.put(`${dir}a é.txt`, new Blob(["one"]), { mime: "text/plain", meta: { a: "1" }, headers: { "Cache-Control": "no-cache" } });
      equal("put", [stored.res.status, /^[0-9A-F]{24}$/.test(stored.res.headers["x-oss-request-id"])], [200, true]);
      equal("get", await globalThis.read(oss, `${dir}a é.txt`), "one");
      // A page sees no metadata: CORS rules expose headers by their whole names.
      equal("head", (await oss.head(`${dir}a é.txt`)).res.headers["content-type"], "text/plain");
      await oss.copy(`${dir}b`, `${dir}a é.txt`);
      equal("copy", await globalThis.read(oss, `${dir}b`), "one");
      await oss.append(`${dir}log`, new Blob(["1 "]));
      await oss.append(`${dir}log`, new Blob(["2"]), { position: 2 }); // nor the position to go on from
      equal("append", await globalThis.read(oss, `${dir}log`), "1 2");
      const names = (page) => page.objects.map(({ name }) => name.slice(dir.length));
      equal("list", names(await oss.list({ prefix: dir, "max-keys": 10 })), ["a é.txt", "b", "log"]);
      equal("listV2", names(await oss.listV2({ prefix: dir, "max-keys": 2 })), ["a é.txt", "b"]);
      const parts = new Blob([new Uint8Array(300_000).fill(7)]);
      await oss.multipartUpload(`${dir}parts`, parts, { partSize: 102_400, parallel: 2 });
      equal("multipartUpload", (await oss.get(`${dir}parts`)).content.length, 300_000);
      equal("deleteMulti", (await oss.deleteMulti([`${dir}b`, `${dir}log`])).deleted.length, 2);
      await oss.delete(`${dir}parts`);
      equal("delete", names(await oss.listV2({ prefix: dir })), ["a é.txt"]);
      equal("refusal", await globalThis.code(oss.put("elsewhere", new Blob(["x"]))), "AccessDenied");
      return calls;
    }, v4);
    for (const call of calls) run.ran(call === "refusal" ? "put (refused)" : call);
  });

  test(`the SDK works until its credentials expire, refreshes and goes on (${version})`, async (context) => {
    const { cloud, page } = await open(context);
    const first = await page.evaluate(async (v4) => {
      const given = await globalThis.vended();
      globalThis.held = globalThis.client(given, v4);
      globalThis.never = globalThis.client(given, v4, 1e12);
      await globalThis.held.put("uploads/lives", new Blob(["before"]));
      return globalThis.held.options.accessKeyId;
    }, v4);
    await letTimePass(cloud, 61 * 60);
    await page.clock.setSystemTime(Date.now() + 61 * 60_000);
    assert.equal(await page.evaluate(() => globalThis.code(globalThis.never.get("uploads/lives"))), "SecurityTokenExpired");
    const after = await page.evaluate(async () => {
      const read = await globalThis.read(globalThis.held, "uploads/lives");
      await globalThis.held.put("uploads/lives", new Blob(["after"]));
      return [read, globalThis.held.options.accessKeyId];
    });
    assert.equal(after[0], "before");
    assert.notEqual(after[1], first);
    run.ran("refreshSTSToken");
  });

  test(`amendTimeSkewed recovers from a cloud whose clock is 20 minutes off (${version})`, async (context) => {
    const { cloud, clock, page } = await open(context);
    await page.evaluate(async (v4) => (globalThis.held = globalThis.client(await globalThis.vended(), v4)), v4);
    for (const offset of [-20 * 60, 0]) {
      await clock(offset);
      await control(cloud, "DELETE", "calls");
      await page.evaluate(() => globalThis.held.put("uploads/skew", new Blob(["x"])));
      const { calls } = await control(cloud, "GET", "calls?operation=PutObject");
      assert.deepEqual(calls.map(({ status, code }) => [status, code]), [[403, "RequestTimeTooSkewed"], [200, null]]);
    }
    run.ran("amendTimeSkewed");
  });
}
