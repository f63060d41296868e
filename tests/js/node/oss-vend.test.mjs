/** `oss-vend.js` in Node, against the server and the emulator; behind a proxy where the network has to fail. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { startProxy } from "../support/proxy.mjs";
import { ask, loadModule, readBack, startServer } from "../support/server.mjs";

const HOUR = 3_600_000;
const isPart = ({ method, url }) => method === "PUT" && url.includes("partNumber=");
const isOfPart = (number) => (call) => isPart(call) && new URLSearchParams(call.url.split("?")[1]).get("partNumber") === String(number);

let cloud, module, proxy;

before(async () => {
  cloud = await startServer();
  module = await loadModule(cloud.server);
  proxy = await startProxy(cloud.oss);
});
after(async () => {
  await proxy?.stop();
  await cloud?.stop();
});

const sts = () => ask(`${cloud.server}/sts`, { headers: cloud.as("alice") });
const uploader = (options) => module.createUploader({ credentials: `${cloud.server}/sts`, request: { headers: cloud.as("alice") }, ...options });
/** An uploader whose requests pass the proxy. */
const behindProxy = (options) => {
  proxy.calls.length = 0;
  return uploader({ credentials: async () => ({ ...(await sts()), endpoint: proxy.url }), ...options });
};
const refusal = (code) => (error) => error.code === code;

describe("one request", () => {
  test("a file comes back byte for byte, with its type and metadata", async () => {
    const body = noise(70_001);
    const seen = [];
    const meta = { Origin: "camera 7" };
    const stored = await uploader().put("uploads/one.bin", new Blob([body]), { contentType: "application/x-one", meta, onProgress: (...at) => seen.push(at) });
    assert.deepEqual(seen.at(-1), [70_001, 70_001]);
    assert.match(stored.etag, /^"[0-9A-F]{32}"$/);
    assert.match(stored.requestId, /^[0-9A-F]{24}$/);
    const back = await readBack(cloud, "uploads/one.bin");
    assert.ok(back.bytes.equals(body));
    assert.equal(back.headers.get("content-type"), "application/x-one");
    assert.equal(back.headers.get("x-oss-meta-origin"), "camera 7");
  });

  for (const name of [AWKWARD, "empty", "plus+only", "100%25", "it's (fine)*!~", "a=b&c?d#e", "雪/子/🎈"])
    test(`the key “${name}” is signed, listed, linked and removed`, async () => {
      const up = uploader();
      const key = `uploads/names/${name}`;
      const body = Buffer.from(name === "empty" ? "" : name);
      await up.put(key, new Blob([body]));
      const { objects } = await up.list(key);
      assert.deepEqual(objects.map(({ key, size }) => [key, size]), [[key, body.length]]);
      const answer = await fetch(await up.signedUrl(key, { download: name }));
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get("content-disposition"), /^attachment; filename\*=UTF-8''/);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body));
      await up.remove(key);
      assert.deepEqual((await up.list(key)).objects, []);
    });

  test("the list begins with the grant's directory and tells sizes and times", async () => {
    await uploader().put("uploads/listed.txt", new Blob(["abc"]));
    const object = (await uploader().list()).objects.find(({ key }) => key === "uploads/listed.txt");
    assert.equal(object.size, 3);
    assert.ok(Math.abs(object.modified - Date.now()) < 60_000);
  });

  test("metadata that no header can carry is refused before it is sent", async () => {
    await assert.rejects(uploader().put("uploads/x", new Blob(["x"]), { meta: { name: "测试" } }), /x-oss-meta-name may hold ASCII only/);
  });

  for (const key of ["/uploads/x", "\\uploads", "uploads/../x", "uploads/./x", ".."])
    test(`the key “${key}”, which clients rewrite, is refused before it is sent`, async () => {
      await assert.rejects(uploader().put(key, new Blob(["x"])), TypeError);
    });

  test("a key outside the directory is refused by OSS, with code, request id and hint", async () => {
    const error = await uploader().put("elsewhere/x", new Blob(["x"])).catch((error) => error);
    assert.ok(error instanceof module.OssError);
    assert.equal(error.code, "AccessDenied");
    assert.equal(error.status, 403);
    assert.match(error.requestId, /^[0-9A-F]{24}$/);
    assert.match(error.hint, /dir and methods/);
  });

  test("what the server refuses is a VendError with its code and hint", async () => {
    const stranger = module.createUploader({ credentials: `${cloud.server}/sts?grant=none`, request: { headers: cloud.as("alice") } });
    const error = await stranger.list().catch((error) => error);
    assert.ok(error instanceof module.VendError);
    assert.equal(error.status, 404);
    assert.ok(error.code && error.detail && error.hint);
  });
});

describe("in parts", () => {
  const parts = { threshold: MIB, partSize: 512 * 1024, concurrency: 3 };

  test("a file over the threshold goes up in parts and comes back equal", async () => {
    const body = noise(3 * MIB + 7);
    const seen = [];
    const up = behindProxy(parts);
    const stored = await up.put("uploads/parts.bin", new Blob([body]), { contentType: "video/mp4", onProgress: (sent) => seen.push(sent) });
    assert.equal(proxy.calls.filter(isPart).length, 7);
    assert.match(stored.key, /parts\.bin$/);
    assert.equal(seen.at(-1), body.length);
    assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
    const back = await readBack(cloud, "uploads/parts.bin");
    assert.ok(back.bytes.equals(body));
    assert.equal(back.headers.get("content-type"), "video/mp4");
  });

  test("a part that is lost and one that is refused for a moment are sent again", async () => {
    const body = noise(2 * MIB);
    const up = behindProxy(parts);
    proxy.failNext(isOfPart(2), "drop");
    proxy.failNext(isOfPart(3), 503);
    await up.put("uploads/flaky.bin", new Blob([body]));
    assert.equal(proxy.calls.filter(isPart).length, 6);
    assert.ok((await readBack(cloud, "uploads/flaky.bin")).bytes.equals(body));
  });

  test("an upload that failed resumes: what OSS has is not sent again", async () => {
    const body = noise(4 * MIB);
    const up = behindProxy({ ...parts, retries: 0, concurrency: 1 });
    proxy.failNext(isOfPart(6), "drop");
    const error = await up.put("uploads/resumed.bin", new Blob([body])).catch((error) => error);
    assert.equal(error.code, "Unreachable");
    proxy.calls.length = 0;
    const seen = [];
    await up.put("uploads/resumed.bin", new Blob([body]), { uploadId: error.uploadId, onProgress: (sent) => seen.push(sent) });
    assert.deepEqual(proxy.calls.filter(isPart).map(({ url }) => /partNumber=(\d+)/.exec(url)[1]), ["6", "7", "8"]);
    assert.ok(seen[0] > 2.5 * MIB);
    assert.ok((await readBack(cloud, "uploads/resumed.bin")).bytes.equals(body));
  });

  test("a token that dies in the middle is replaced, and the upload goes on", async () => {
    const body = noise(3 * MIB);
    let asked = 0;
    const up = behindProxy({ ...parts, concurrency: 1, credentials: async () => (asked++, { ...(await sts()), endpoint: proxy.url }) });
    const live = await up.credentials();
    proxy.failNext(isOfPart(2), () => (live.SecurityToken = "dead")); // from part 3 on, what is held is refused
    await up.put("uploads/renewed.bin", new Blob([body]));
    assert.equal(asked, 2);
    assert.ok((await readBack(cloud, "uploads/renewed.bin")).bytes.equals(body));
  });

  test("aborting removes the parts that were stored", async () => {
    const stop = new AbortController();
    let uploadId;
    const up = behindProxy({ ...parts, concurrency: 1 });
    proxy.failNext(isOfPart(3), () => stop.abort());
    const options = { signal: stop.signal, onUploadId: (id) => (uploadId = id) };
    await assert.rejects(up.put("uploads/aborted.bin", new Blob([noise(3 * MIB)]), options), { name: "AbortError" });
    assert.equal(proxy.calls.at(-1).method, "DELETE");
    await assert.rejects(up.put("uploads/aborted.bin", new Blob([noise(3 * MIB)]), { uploadId }), refusal("NoSuchUpload"));
    assert.deepEqual((await up.list("uploads/aborted.bin")).objects, []);
  });

  test("aborting while the upload is being begun sends no part and leaves nothing", async () => {
    const stop = new AbortController();
    const up = behindProxy(parts);
    proxy.failNext(({ url }) => url.endsWith("?uploads"), () => stop.abort());
    await assert.rejects(up.put("uploads/unborn.bin", new Blob([noise(3 * MIB)]), { signal: stop.signal }), { name: "AbortError" });
    assert.deepEqual(proxy.calls.map(({ method }) => method), ["POST", "DELETE"]);
  });

  test("where ETag may not be read, OSS completes with the parts that it has", async () => {
    const body = noise(2 * MIB);
    const real = globalThis.fetch;
    globalThis.fetch = async (...request) => {
      const { status, headers, body } = await real(...request);
      const exposed = [...headers].filter(([name]) => name !== "etag");
      return new Response([204, 304].includes(status) ? null : body, { status, headers: exposed });
    };
    try {
      await behindProxy(parts).put("uploads/unexposed.bin", new Blob([body]));
    } finally {
      globalThis.fetch = real;
    }
    assert.equal(proxy.calls.at(-1).headers["x-oss-complete-all"], "yes");
    assert.ok((await readBack(cloud, "uploads/unexposed.bin")).bytes.equals(body));
  });
});

describe("credentials", () => {
  const object = ["uploads/credentials.txt", new Blob(["x"])];

  test("many requests at once ask the server once", async () => {
    let asked = 0;
    const up = uploader({ credentials: () => (asked++, sts()) });
    await Promise.all(Array.from({ length: 20 }, () => up.list()));
    assert.equal(asked, 1);
  });

  test("credentials past refreshAfter are used while new ones are fetched behind them", async () => {
    const answers = [];
    const up = uploader({
      credentials: async () => {
        const answer = await sts();
        if (!answers.length) answer.refreshAfter = answer.serverTime;
        answers.push(answer);
        return answer;
      },
    });
    const first = await up.credentials();
    const real = Date.now;
    Date.now = () => real() + 11_000; // it does not ask twice in ten seconds
    try {
      assert.equal(await up.credentials(), first);
      await up.list();
      assert.equal(answers.length, 2);
      assert.equal(await up.credentials(), answers[1]);
    } finally {
      Date.now = real;
    }
  });

  test("credentials that have expired are not used", async () => {
    let asked = 0;
    const up = uploader({
      credentials: async () => {
        const answer = await sts();
        if (asked++ === 0) answer.Expiration = answer.serverTime;
        return answer;
      },
    });
    await up.put(...object);
    await up.put(...object);
    assert.equal(asked, 2);
  });

  for (const [what, spoil, code] of [
    ["a token that OSS does not know", { SecurityToken: "CAISnothing" }, "InvalidSecurityToken"],
    ["a key that OSS does not know", { AccessKeyId: "STS.nobody" }, "InvalidAccessKeyId"],
  ]) {
    test(`${what} is replaced once`, async () => {
      let asked = 0;
      const up = uploader({ credentials: async () => ({ ...(await sts()), ...(asked++ ? {} : spoil) }) });
      await up.put(...object);
      assert.equal(asked, 2);
    });

    test(`${what}, given again, is an error and no loop`, async () => {
      let asked = 0;
      const up = uploader({ credentials: async () => (asked++, { ...(await sts()), ...spoil }) });
      await assert.rejects(up.put(...object), refusal(code));
      assert.equal(asked, 2);
    });
  }

  for (const hours of [-2, 2])
    test(`a device whose clock is ${hours} hours off uploads all the same, by the server's time`, async () => {
      const real = Date.now;
      Date.now = () => real() + hours * HOUR;
      try {
        const statuses = [];
        await uploader({ onExchange: ({ status }) => statuses.push(status) }).put(...object);
        assert.deepEqual(statuses, [200]);
      } finally {
        Date.now = real;
      }
    });

  test("without a server time, the clock is corrected by OSS's own, once", async () => {
    const statuses = [];
    const credentials = async () => ({ ...(await sts()), serverTime: new Date(Date.now() - HOUR).toISOString() });
    const up = uploader({ credentials, onExchange: ({ status }) => statuses.push(status) });
    await up.put(...object);
    await up.put(...object);
    assert.deepEqual(statuses, [403, 200, 200]);
  });

  test("a signed URL does not promise to outlive its credentials", async () => {
    const credentials = async () => {
      const answer = await sts();
      return { ...answer, Expiration: new Date(Date.parse(answer.serverTime) + 300_000).toISOString() };
    };
    const url = new URL(await uploader({ credentials }).signedUrl("uploads/credentials.txt", { expires: 3600 }));
    const life = Number(url.searchParams.get("x-oss-expires"));
    assert.ok(life > 290 && life <= 300, String(life));
  });
});

describe("addresses", () => {
  const about = { AccessKeyId: "STS.a", AccessKeySecret: "s", Expiration: "2100-01-01T00:00:00Z", bucket: "examplebucket", region: "cn-hangzhou" };
  for (const [where, start] of [
    [{ endpoint: "https://oss-cn-hangzhou.aliyuncs.com" }, "https://examplebucket.oss-cn-hangzhou.aliyuncs.com/a%20b?"],
    [{ endpoint: "http://127.0.0.1:9000" }, "http://127.0.0.1:9000/examplebucket/a%20b?"],
    [{ endpoint: "http://[::1]:9000" }, "http://[::1]:9000/examplebucket/a%20b?"],
    [{ endpoint: "https://static.example.com", cname: true }, "https://static.example.com/a%20b?"],
  ])
    test(`${where.endpoint} is addressed as ${start}`, async () => {
      const url = await module.createUploader({ credentials: async () => ({ ...about, ...where }) }).signedUrl("a b");
      assert.ok(url.startsWith(start), url);
    });
});
