/** Every call of `ali-oss` on objects, against the emulator, in both signature versions and over both forms of address. */

import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, REGION, USER, agentTo } from "../support/emulator.mjs";
import { AWKWARD, noise } from "../support/files.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";

const run = startRun("ali-oss-objects", "ali-oss");
let agent, cloud, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "ali-oss-objects-"));
  cloud = await startServer();
  agent = agentTo(cloud.oss);
});
after(async () => {
  agent?.destroy();
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
  run.write();
});

const ADDRESSES = {
  "by IP address": () => ({ endpoint: cloud.oss }),
  "by OSS's own names": () => ({ endpoint: "http://oss-cn-hangzhou.aliyuncs.com", agent }),
};

const client = (address, authorizationV4) =>
  run.counted(new OSS({ ...USER, region: `oss-${REGION}`, bucket: BUCKET, authorizationV4, ...ADDRESSES[address]() }));

const refused = (code, status) => (error) => error.code === code && (!status || error.status === status);

for (const [address, v4] of Object.keys(ADDRESSES).flatMap((address) => [[address, true], [address, false]]))
  describe(`${v4 ? "V4" : "V1"} ${address}`, () => {
    const dir = `sdk/${v4 ? "v4" : "v1"} ${address}`;
    const oss = () => client(address, v4);

    test("put: a buffer, a file, a stream; and what comes back", async () => {
      const file = join(folder, "file.txt");
      await writeFile(file, "from a file");
      const options = { mime: "text/plain", meta: { author: "测试".length + " signs", "a-b": "c" }, headers: { "Cache-Control": "no-cache" } };
      for (const [name, body] of [["buffer", Buffer.from("from a buffer")], ["file", file]]) {
        const stored = await oss().put(`${dir}/${name}.txt`, body, options);
        assert.equal(stored.res.status, 200);
        assert.match(stored.res.headers["x-oss-request-id"], /^[0-9A-F]{24}$/);
        assert.match(stored.res.headers["x-oss-hash-crc64ecma"], /^\d+$/);
        assert.match(stored.res.headers.etag, /^"[0-9A-F]{32}"$/);
      }
      await oss().putStream(`${dir}/stream.txt`, createReadStream(file), { contentLength: 11, ...options });
      for (const name of ["buffer", "file", "stream"]) {
        const { content, res } = await oss().get(`${dir}/${name}.txt`);
        assert.equal(content.toString(), `from a ${name === "stream" ? "file" : name}`);
        assert.equal(res.headers["content-type"], "text/plain");
        assert.equal(res.headers["cache-control"], "no-cache");
      }
      const head = await oss().head(`${dir}/stream.txt`);
      assert.deepEqual(head.meta, { author: "2 signs", "a-b": "c" });
      assert.equal(head.res.headers["x-oss-object-type"], "Normal");
    });

    for (const name of [AWKWARD, "+ +%2B", "it's (fine)*!~", "a=b&c?d#e", "雪/子/🎈"])
      test(`the key “${name}” goes there and back`, async () => {
        const key = `${dir}/names/${name}`;
        await oss().put(key, Buffer.from(name));
        assert.equal((await oss().get(key)).content.toString(), name);
        const { objects } = await oss().listV2({ prefix: key });
        assert.deepEqual(objects.map((object) => object.name), [key]);
        await oss().delete(key);
        await assert.rejects(oss().get(key), refused("NoSuchKey", 404));
      });

    test("append grows an object, at its end alone", async () => {
      const key = `${dir}/log`;
      const first = await oss().append(key, Buffer.from("one "));
      const second = await oss().append(key, Buffer.from("two"), { position: first.nextAppendPosition });
      assert.equal(second.nextAppendPosition, "7");
      assert.equal((await oss().get(key)).content.toString(), "one two");
      await assert.rejects(oss().append(key, Buffer.from("x"), { position: 3 }), refused("PositionNotEqualToLength", 409));
      assert.equal((await oss().head(key)).res.headers["x-oss-object-type"], "Appendable");
    });

    test("get: to a file, as a stream, a range, and only if it changed", async () => {
      const key = `${dir}/read`;
      const { res } = await oss().put(key, Buffer.from("0123456789"));
      const file = join(folder, "read");
      await oss().get(key, file);
      assert.equal(await readFile(file, "utf8"), "0123456789");
      assert.equal(await text((await oss().getStream(key)).stream), "0123456789");
      const part = await oss().get(key, { headers: { Range: "bytes=2-4" } });
      assert.equal(part.res.status, 206);
      assert.equal(part.res.headers["content-range"], "bytes 2-4/10");
      assert.equal(part.content.toString(), "234");
      const same = await oss().get(key, { headers: { "If-None-Match": res.headers.etag } });
      assert.equal(same.res.status, 304);
      await assert.rejects(oss().get(key, { headers: { "If-Match": '"0"' } }), refused("PreconditionFailed", 412));
      const later = new Date(Date.now() + 3_600_000).toUTCString();
      assert.equal((await oss().head(key, { headers: { "If-Modified-Since": new Date().toUTCString() } })).status, 304);
      assert.equal((await oss().get(key, { headers: { "If-Unmodified-Since": later } })).res.status, 200);
    });

    test("head and meta of what is there and of what is not", async () => {
      const key = `${dir}/meta`;
      await oss().put(key, Buffer.from("12345"));
      const meta = await oss().getObjectMeta(key);
      assert.equal(meta.res.headers["content-length"], "5");
      await oss().putMeta(key, { colour: "blue" });
      assert.deepEqual((await oss().head(key)).meta, { colour: "blue" });
      await assert.rejects(oss().head(`${dir}/none`), refused("NoSuchKey", 404));
      await assert.rejects(oss().getObjectMeta(`${dir}/none`), { status: 404 });
    });

    test("copy: within the bucket, with its metadata or with other", async () => {
      await oss().put(`${dir}/源 +.txt`, Buffer.from("copied"), { mime: "text/x-one", meta: { a: "1" } });
      const copied = await oss().copy(`${dir}/copy.txt`, `${dir}/源 +.txt`);
      assert.match(copied.data.etag, /^"[0-9A-F]{32}"$/);
      assert.deepEqual((await oss().head(`${dir}/copy.txt`)).meta, { a: "1" });
      await oss().copy(`${dir}/other.txt`, `${dir}/源 +.txt`, { meta: { b: "2" } });
      assert.deepEqual((await oss().head(`${dir}/other.txt`)).meta, { b: "2" });
      await assert.rejects(oss().copy(`${dir}/x`, `${dir}/none`), refused("NoSuchKey", 404));
    });

    test("a put that must not overwrite does not", async () => {
      const headers = { "x-oss-forbid-overwrite": "true" };
      await oss().put(`${dir}/once`, Buffer.from("1"), { headers });
      await assert.rejects(oss().put(`${dir}/once`, Buffer.from("2"), { headers }), refused("FileAlreadyExists", 409));
    });

    test("a body that is not what Content-MD5 says is refused", async () => {
      const headers = { "Content-MD5": "XUFAKrxLKna5cZ2REBfFkg==" };
      await oss().put(`${dir}/md5`, Buffer.from("hello"), { headers });
      await assert.rejects(oss().put(`${dir}/md5`, Buffer.from("jello"), { headers }), refused("InvalidDigest", 400));
    });

    test("delete one, delete many, delete what is not there", async () => {
      const keys = ["a", "b", "c & <d>", "é 测试"].map((name) => `${dir}/many/${name}`);
      for (const key of keys) await oss().put(key, Buffer.from("x"));
      const gone = await oss().deleteMulti(keys.slice(0, 3));
      assert.deepEqual(gone.deleted.map(({ Key }) => Key).sort(), keys.slice(0, 3).sort());
      assert.deepEqual((await oss().deleteMulti([keys[3]], { quiet: true })).deleted, []);
      assert.equal((await oss().delete(keys[0])).res.status, 204);
      assert.equal((await oss().listV2({ prefix: `${dir}/many/` })).keyCount, 0);
    });

    test("list in both versions, with prefix, delimiter and pages", async () => {
      const root = `${dir}/list/`;
      for (const name of ["1", "2", "sub/3", "sub/4", "测/5"]) await oss().put(root + name, Buffer.from(name));
      const all = ["1", "2", "sub/3", "sub/4", "测/5"].map((name) => root + name);
      const level = await oss().list({ prefix: root, delimiter: "/" });
      assert.deepEqual([level.objects.map(({ name }) => name), level.prefixes], [all.slice(0, 2), [`${root}sub/`, `${root}测/`]]);
      // A marker that is undefined must not be there: V4 of the SDK would send it and not sign it.
      const follow = (marker) => oss().list({ prefix: root, ...(marker && { marker }), "max-keys": 2 });
      assert.deepEqual(await pages(follow, (page) => page.nextMarker), all);
      const next = (token) => oss().listV2({ prefix: root, "continuation-token": token, "max-keys": 2 });
      assert.deepEqual(await pages(next, (page) => page.nextContinuationToken), all);
      const after = await oss().listV2({ prefix: root, "start-after": all[2], "fetch-owner": true });
      assert.deepEqual(after.objects.map(({ name }) => name), all.slice(3));
      assert.ok(after.objects[0].owner.id);
      const [object] = level.objects;
      assert.deepEqual([object.size, object.type, object.storageClass], [1, "Normal", "Standard"]);
    });

    test("the ACL of an object", async () => {
      const key = `${dir}/acl`;
      await oss().put(key, Buffer.from("x"));
      assert.equal((await oss().getACL(key)).acl, "default");
      await oss().putACL(key, "public-read");
      assert.equal((await oss().getACL(key)).acl, "public-read");
      assert.equal((await fetch(`${cloud.oss}/${BUCKET}/${encodeURI(key)}`)).status, 200);
      await oss().putACL(key, "private");
      assert.equal((await fetch(`${cloud.oss}/${BUCKET}/${encodeURI(key)}`)).status, 403);
    });

    test("the tags of an object", async () => {
      const key = `${dir}/tags`;
      await oss().put(key, Buffer.from("x"), { headers: { "x-oss-tagging": "a=1&b=2%2B" } });
      assert.deepEqual((await oss().getObjectTagging(key)).tag, { a: "1", b: "2+" });
      await oss().putObjectTagging(key, { c: "3 4" });
      assert.deepEqual((await oss().getObjectTagging(key)).tag, { c: "3 4" });
      await oss().deleteObjectTagging(key);
      assert.deepEqual((await oss().getObjectTagging(key)).tag, {});
    });

    test("a symlink leads to its target", async () => {
      await oss().put(`${dir}/target é`, Buffer.from("behind the link"));
      await oss().putSymlink(`${dir}/link`, `${dir}/target é`, { meta: { a: "1" } });
      assert.equal((await oss().getSymlink(`${dir}/link`)).targetName, `${dir}/target é`);
      assert.equal((await oss().get(`${dir}/link`)).content.toString(), "behind the link");
    });

    test("what is archived is read once it is restored; nothing else can be restored", async () => {
      await oss().put(`${dir}/warm`, Buffer.from("x"));
      await assert.rejects(oss().restore(`${dir}/warm`), refused("OperationNotSupported", 400));
      await oss().put(`${dir}/cold`, Buffer.from("archived"), { headers: { "x-oss-storage-class": "Archive" } });
      await assert.rejects(oss().get(`${dir}/cold`), refused("InvalidObjectState", 403));
      assert.equal((await oss().restore(`${dir}/cold`)).res.status, 202);
      assert.equal((await oss().get(`${dir}/cold`)).content.toString(), "archived");
    });

    test("x-oss-process is signed, and the stored bytes come", async () => {
      await oss().put(`${dir}/picture.png`, Buffer.from("not processed"));
      const { content } = await oss().get(`${dir}/picture.png`, { process: "image/resize,w_100" });
      assert.equal(content.toString(), "not processed");
      run.ran("get (x-oss-process)");
    });

    test("what is not emulated says so", async () => {
      await oss().put(`${dir}/picture.png`, Buffer.from("x"));
      await assert.rejects(oss().postAsyncFetch(`${dir}/fetched`, "https://example.com/x"), refused("NotImplemented", 501));
    });

    test("a stranger's key, a wrong secret and a missing bucket are told apart", async () => {
      const other = (more) => new OSS({ ...USER, region: `oss-${REGION}`, bucket: BUCKET, authorizationV4: v4, ...ADDRESSES[address](), ...more });
      await assert.rejects(other({ accessKeyId: "LTAIstranger" }).get(dir), refused("InvalidAccessKeyId", 403));
      await assert.rejects(other({ accessKeySecret: "wrong" }).get(dir), refused("SignatureDoesNotMatch", 403));
      await assert.rejects(other({ bucket: "nobucket-here" }).get(dir), refused("NoSuchBucket", 404));
    });

    if (address !== "by IP address")
      test("signed URLs, which the SDK makes for names alone", async () => {
        const key = `${dir}/${AWKWARD}`;
        const sign = async (method, headers = {}) =>
          v4 ? oss().signatureUrlV4(method, 60, { headers }, key) : oss().asyncSignatureUrl(key, { method, expires: 60, ...headers });
        const send = async (method, headers, body) => {
          const url = new URL(await sign(method, headers));
          return fetchAs(url, { method, headers, body });
        };
        assert.equal((await send("PUT", { "Content-Type": "text/x-two" }, "through a URL")).status, 200);
        assert.equal((await send("GET")).body, "through a URL");
        if (!v4) run.ran(oss().signatureUrl(key, { expires: 60 }) && "signatureUrl");
      });
  });

describe("forms that the SDK signs", () => {
  const key = "sdk/form/é.txt";
  const expiration = new Date(Date.now() + 60_000).toISOString();
  const conditions = [{ bucket: BUCKET }, ["eq", "$key", key], ["content-length-range", 1, 10]];
  const post = async (fields, body) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ key, success_action_status: "200", ...fields })) form.append(name, value);
    form.append("file", new Blob([body], { type: "text/plain" }), "é.txt");
    const answer = await fetch(`${cloud.oss}/${BUCKET}`, { method: "POST", body: form });
    return [answer.status, /<Code>(.*)<\/Code>/.exec(await answer.text())?.[1]];
  };
  const stored = async () => (await client("by IP address", true).get(key)).content.toString();

  test("V1, by calculatePostSignature", async () => {
    const fields = client("by IP address", false).calculatePostSignature({ expiration, conditions });
    assert.deepEqual(await post(fields, "in V1"), [200, undefined]);
    assert.equal(await stored(), "in V1");
    assert.deepEqual(await post(fields, "longer than ten bytes"), [400, "EntityTooLarge"]);
    assert.deepEqual(await post({ ...fields, Signature: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }, "x"), [403, "SignatureDoesNotMatch"]);
  });

  test("V4, by signPostObjectPolicyV4", async () => {
    const date = new Date();
    const compact = date.toISOString().replace(/[-:]|\.\d+/g, "");
    const proof = {
      "x-oss-date": compact,
      "x-oss-signature-version": "OSS4-HMAC-SHA256",
      "x-oss-credential": `${USER.accessKeyId}/${compact.slice(0, 8)}/${REGION}/oss/aliyun_v4_request`,
    };
    const policy = { expiration, conditions: [...conditions, ...Object.entries(proof).map(([name, value]) => ({ [name]: value }))] };
    const signature = client("by IP address", true).signPostObjectPolicyV4(policy, date);
    const fields = { ...proof, policy: Buffer.from(JSON.stringify(policy)).toString("base64"), "x-oss-signature": signature };
    assert.deepEqual(await post(fields, "in V4"), [200, undefined]);
    assert.equal(await stored(), "in V4");
    assert.deepEqual(await post({ ...fields, key: "sdk/form/other" }, "x"), [403, "AccessDenied"]);
  });
});

/** Sends a request to the emulator under the host that the URL names. */
function fetchAs(url, { method, headers, body }) {
  return new Promise((done, failed) => {
    const request = http.request(url, { method, headers, agent }, async (answer) => done({ status: answer.statusCode, body: await text(answer) }));
    request.on("error", failed);
    request.end(body);
  });
}

async function pages(page, next) {
  const names = [];
  let at;
  do {
    const one = await page(at);
    assert.ok(one.objects.length <= 2);
    names.push(...one.objects.map(({ name }) => name));
    at = next(one);
  } while (at);
  return names;
}
