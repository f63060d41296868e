/** Uploads with a callback by `ali-oss`: the emulator asks an application's server, and the SDK gets its answer. */

import assert from "node:assert/strict";
import { createVerify } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, REGION, USER } from "../support/emulator.mjs";
import { noise } from "../support/files.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";

const run = startRun("ali-oss-callback", "ali-oss");
const heard = [];
let application, cloud;

before(async () => {
  cloud = await startServer();
  application = http.createServer(async (request, response) => {
    heard.push({ url: request.url, headers: request.headers, body: await text(request) });
    const answer = JSON.stringify({ heard: heard.length });
    // OSS asks for a length.
    response.writeHead(request.url === "/no" ? 500 : 200, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
  application.listen(0, "127.0.0.1");
  await once(application, "listening");
});
after(async () => {
  application?.close();
  await cloud?.stop();
  run.write();
});

const url = (path) => `http://127.0.0.1:${application.address().port}${path}`;

/** As the documentation of callbacks says: the decoded path and query, a line break, the body; the key from its address. */
async function isFromOss({ url, headers, body }) {
  const keyUrl = Buffer.from(headers["x-oss-pub-key-url"], "base64").toString();
  const key = await (await fetch(keyUrl)).text();
  const [path, query] = url.split("?");
  const signed = `${decodeURIComponent(path)}${query === undefined ? "" : `?${query}`}\n${body}`;
  return createVerify("RSA-MD5").update(signed).verify(key, Buffer.from(headers.authorization, "base64"));
}

for (const v4 of [true, false])
  describe(v4 ? "V4" : "V1", () => {
    const oss = () => new OSS({ ...USER, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss, authorizationV4: v4 });

    test("put: the application hears of it, and its answer comes back", async () => {
      const callback = {
        url: url("/stored?a=b%20c"),
        contentType: "application/x-www-form-urlencoded",
        body: "bucket=${bucket}&object=${object}&size=${size}&who=${x:who}",
        customValue: { who: "alice" },
      };
      const { data } = await oss().put("callback/é +.txt", Buffer.from("12345"), { callback });
      assert.deepEqual(data, { heard: heard.length });
      const call = heard.at(-1);
      assert.deepEqual(Object.fromEntries(new URLSearchParams(call.body)), { bucket: BUCKET, object: "callback/é +.txt", size: "5", who: "alice" });
      assert.ok(await isFromOss(call));
      assert.ok(!(await isFromOss({ ...call, body: `${call.body}x` })));
      run.ran("put (callback)");
    });

    test("multipartUpload: with a JSON body", async () => {
      const callback = { url: url("/parts"), contentType: "application/json", body: '{"object":${object},"size":${size}}' };
      const { data } = await oss().multipartUpload("callback/parts", noise(300_000), { partSize: 102_400, callback });
      assert.deepEqual(data, { heard: heard.length });
      assert.deepEqual(JSON.parse(heard.at(-1).body), { object: "callback/parts", size: 300_000 });
      run.ran("multipartUpload (callback)");
    });

    test("an application that fails: the object is stored, and the SDK is told", async () => {
      const put = oss().put("callback/no", Buffer.from("kept"), { callback: { url: url("/no"), body: "x=1" } });
      await assert.rejects(put, { code: "CallbackFailed", status: 203 });
      assert.equal((await oss().get("callback/no")).content.toString(), "kept");
      run.ran("put (callback failed)");
    });
  });
