/** The official SDK's browser build in Chromium, with credentials from `/sts` and objects at another origin. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { readBack, startServer } from "../support/server.mjs";

const SDK = createRequire(import.meta.url).resolve("ali-oss/dist/aliyun-oss-sdk.min.js");
let browser, cloud, open;

before(async () => {
  cloud = await startServer();
  browser = await startBrowser();
  open = await sdkPage();
});
after(async () => {
  await open?.close();
  await browser?.close();
  await cloud?.stop();
});

/** A page of the vending server's origin that has loaded the SDK and made a client as its documentation says. */
async function sdkPage() {
  const opened = await openPage(browser, "about:blank");
  const { page } = opened;
  await page.route(`${cloud.server}/with-sdk*`, async (route) => {
    const isScript = route.request().url().endsWith(".js");
    const html = '<!doctype html><meta charset="utf-8"><title>SDK</title><script src="/with-sdk.js"></script>';
    await route.fulfill({ contentType: isScript ? "text/javascript" : "text/html", body: isScript ? await readFile(SDK) : html });
  });
  await page.goto(`${cloud.server}/with-sdk`);
  await page.evaluate(makeClient, { headers: cloud.as("alice") });
  return opened;
}

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
