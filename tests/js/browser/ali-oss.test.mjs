/** The official SDK's browser build in Chromium, with credentials from `/sts` and objects at another origin. */

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { readBack, startServer } from "../support/server.mjs";

const SDK = createRequire(import.meta.url).resolve("ali-oss/dist/aliyun-oss-sdk.min.js");
const PAGE = '<!doctype html><meta charset="utf-8"><title>SDK</title><script src="/sdk.js"></script>';
let browser, cloud, folder, open;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "oss-vend-site-"));
  await copyFile(SDK, join(folder, "sdk.js"));
  await writeFile(join(folder, "sdk.html"), PAGE);
  cloud = await startServer("--static-dir", folder);
  browser = await startBrowser();
  open = await openPage(browser, `${cloud.server}/sdk.html`);
  await open.page.evaluate(makeClient, { headers: cloud.as("alice") });
});
after(async () => {
  await open?.close();
  await browser?.close();
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs in the page: makes clients as the SDK's documentation says. */
function makeClient({ headers }) {
  const sts = async () => (await fetch("/sts", { headers })).json();
  globalThis.refreshed = 0;
  globalThis.client = async (authorizationV4) => {
    const given = await sts();
    return new globalThis.OSS({
      region: `oss-${given.region}`,
      bucket: given.bucket,
      endpoint: given.endpoint,
      accessKeyId: given.AccessKeyId,
      accessKeySecret: given.AccessKeySecret,
      stsToken: given.SecurityToken,
      authorizationV4,
      refreshSTSTokenInterval: 0,
      refreshSTSToken: async () => {
        globalThis.refreshed += 1;
        const { AccessKeyId, AccessKeySecret, SecurityToken } = await sts();
        return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken };
      },
    });
  };
}

for (const v4 of [true, false]) {
  const version = v4 ? "V4" : "V1";

  test(`the SDK in a page puts, gets and refreshes (${version})`, async () => {
    const key = `uploads/sdk-page/${version}/${AWKWARD}`;
    const read = await open.page.evaluate(async ({ key, v4 }) => {
      const oss = await globalThis.client(v4);
      await oss.put(key, new File(["from a page"], "page.txt", { type: "text/plain" }));
      const { content } = await oss.get(key);
      return { text: new TextDecoder().decode(content), refreshed: globalThis.refreshed };
    }, { key, v4 });
    assert.equal(read.text, "from a page");
    assert.ok(read.refreshed >= 1);
    assert.equal((await readBack(cloud, key)).bytes.toString(), "from a page");
  });

  test(`the SDK in a page uploads 5 MiB in parts (${version})`, async () => {
    const body = noise(5 * MIB);
    const key = `uploads/sdk-page/${version}/five.bin`;
    await open.page.evaluate(async ({ key, v4, base64 }) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const oss = await globalThis.client(v4);
      await oss.multipartUpload(key, new File([bytes], "five.bin"), { partSize: 1024 * 1024, parallel: 2 });
    }, { key, v4, base64: body.toString("base64") });
    assert.ok((await readBack(cloud, key)).bytes.equals(body));
  });
}
