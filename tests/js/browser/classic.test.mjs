/** Pages that work the way the published samples do, on the samples' own paths and without any proof of who asks. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { AWKWARD, picture } from "../support/files.mjs";
import { readBack, startServer } from "../support/server.mjs";

let browser, cloud, open;

before(async () => {
  cloud = await startServer();
  browser = await startBrowser();
  open = await openPage(browser, cloud.server);
});
after(async () => {
  await open?.close();
  await browser?.close();
  await cloud?.stop();
});

const read = async (key) => (await readBack(cloud, key)).bytes;

test("a page posts the five classic fields and the file to the host", async () => {
  const { key, status } = await open.page.evaluate(async (name) => {
    const { policy, ossAccessKeyId, signature, host, dir } = await (await fetch("/get_post_signature_for_oss_upload")).json();
    const form = new FormData();
    const key = dir + name;
    form.append("name", name);
    form.append("policy", policy);
    form.append("OSSAccessKeyId", ossAccessKeyId);
    form.append("success_action_status", "200");
    form.append("signature", signature);
    form.append("key", key);
    form.append("file", new File(["classic form"], name, { type: "text/plain" }));
    const { status } = await fetch(host, { method: "POST", body: form });
    return { key, status };
  }, AWKWARD);
  assert.equal(status, 200);
  assert.equal((await read(key)).toString(), "classic form");
});

test("a page puts a picture to the URL that it gets as text", async () => {
  const body = picture();
  const { url, status } = await open.page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const url = await (await fetch("/get_presigned_url_for_oss_upload")).text();
    const { status } = await fetch(url, { method: "PUT", headers: { "Content-Type": "image/png" }, body: new File([bytes], "a.png", { type: "image/png" }) });
    return { url, status };
  }, body.toString("base64"));
  assert.equal(status, 200);
  const key = decodeURIComponent(new URL(url).pathname).replace(`/${cloud.dev.bucket}/`, "");
  assert.ok((await read(key)).equals(body));
});

test("a page uploads with the credentials that it gets", async () => {
  const { key } = await open.page.evaluate(async () => {
    const { createUploader } = await import("/oss-vend.js");
    const uploader = createUploader({ credentials: "/get_sts_token_for_oss_upload" });
    return uploader.put(`${(await uploader.credentials()).dir}classic-sts.txt`, new Blob(["classic credentials"]));
  });
  assert.equal((await read(key)).toString(), "classic credentials");
});
