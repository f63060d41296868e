/** The answers as other clients use them: by plain `fetch`, as Uppy's `getUploadParameters`, and by our own helpers. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AWKWARD, noise } from "../support/files.mjs";
import { ask, loadModule, readBack, startServer } from "../support/server.mjs";

let cloud, module;

before(async () => {
  cloud = await startServer();
  module = await loadModule(cloud.server);
});
after(() => cloud?.stop());

const get = (path, query) => ask(`${cloud.server}${path}?${new URLSearchParams(query)}`, { headers: cloud.as("alice") });

/** What Uppy's AwsS3 plugin does with `getUploadParameters`. */
async function uppy({ method, url, fields, headers }, file) {
  if (method.toUpperCase() === "PUT") return fetch(url, { method, headers, body: file });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return fetch(url, { method, headers, body: form });
}

for (const [path, wanted] of [["/post-signature", {}], ["/presigned-url", { method: "PUT" }]])
  test(`the answer of ${path} is good for Uppy as it is`, async () => {
    const file = new File([noise(5000)], "photo.png", { type: "image/png" });
    const answer = await get(path, { filename: file.name, contentType: file.type, size: file.size, ...wanted });
    const uploaded = await uppy(answer, file);
    assert.equal(uploaded.status, 200, await uploaded.text());
    const key = answer.key ?? answer.fields.key;
    assert.match(key, /^uploads\/.*\.png$/);
    const back = await readBack(cloud, key);
    assert.ok(back.bytes.equals(noise(5000)));
    assert.equal(back.headers.get("content-type"), "image/png");
  });

for (const name of [AWKWARD, "what?*.txt"]) test(`putForm and putSigned store “${name}”`, async () => {
  const file = new File(["awkward"], name, { type: "text/plain" });
  const wanted = { key: `uploads/helpers/${name}`, contentType: file.type, size: file.size };
  for (const [path, put] of [["/post-signature", module.putForm], ["/presigned-url", module.putSigned]]) {
    const seen = [];
    const stored = await put(await get(path, wanted), file, { onProgress: (...at) => seen.push(at) });
    assert.equal(stored.key, wanted.key);
    assert.deepEqual(seen.at(-1), [7, 7]);
    assert.equal((await readBack(cloud, stored.key)).bytes.toString(), "awkward");
    await (await fetch((await get("/presigned-url", { key: stored.key, method: "DELETE" })).url, { method: "DELETE" })).text();
  }
});

test("a file of another size than was signed is refused by OSS", async () => {
  const answer = await get("/presigned-url", { filename: "x.txt", contentType: "text/plain", size: 10 });
  const error = await module.putSigned(answer, new Blob(["twelve bytes"])).catch((error) => error);
  assert.equal(error.code, "SignatureDoesNotMatch");
  assert.match(error.hint, /size/);
  const form = await get("/post-signature", { filename: "x.txt", contentType: "text/plain", size: 10 });
  await assert.rejects(module.putForm(form, new Blob(["twelve bytes"], { type: "text/plain" })), (error) => /^EntityToo/.test(error.code));
});

test("a blob with a type of its own does not spoil a URL that signs none", async () => {
  const { url, key } = await get("/presigned-url", { key: "uploads/untyped.bin", contentType: "application/x-signed" });
  await module.putSigned({ url, headers: { "Content-Type": "application/x-signed" }, key }, new Blob(["x"], { type: "text/html" }));
  assert.equal((await readBack(cloud, key)).headers.get("content-type"), "application/x-signed");
});
