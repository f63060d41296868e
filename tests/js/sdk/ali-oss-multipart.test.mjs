/** Uploads in parts with `ali-oss` against the emulator: resumed, copied, shared by two clients, and done wrongly. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, REGION, USER } from "../support/emulator.mjs";
import { MIB, noise } from "../support/files.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";

const run = startRun("ali-oss-multipart", "ali-oss");
const PART = 256 * 1024; // above the least size of a part, 100 KiB
const BODY = noise(3 * PART + 1000);
let cloud, file, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "ali-oss-multipart-"));
  file = join(folder, "body");
  await writeFile(file, BODY);
  cloud = await startServer();
});
after(async () => {
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
  run.write();
});

for (const v4 of [true, false])
  describe(v4 ? "V4" : "V1", () => {
    const dir = `parts/${v4 ? "v4" : "v1"}`;
    const oss = () =>
      run.counted(new OSS({ ...USER, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss, authorizationV4: v4 }));
    const stored = async (key) => (await oss().get(key)).content;
    const begin = async (key) => (await oss().initMultipartUpload(key)).uploadId;
    /** Part `number` of the body; the last is short. */
    const part = async (key, id, number, client = oss()) => {
      const start = (number - 1) * PART;
      const { etag } = await client.uploadPart(key, id, number, file, start, Math.min(start + PART, BODY.length));
      return { number, etag };
    };
    const refused = (code, status) => ({ code, status });

    test("parts are sent in any order, listed in pages, and put together", async () => {
      const key = `${dir}/by hand é`;
      const id = await begin(key);
      const parts = [];
      for (const number of [3, 1, 4, 2]) parts.push(await part(key, id, number));
      const listed = await oss().listParts(key, id, { "max-parts": 3 });
      assert.deepEqual(listed.parts.map(({ PartNumber }) => Number(PartNumber)), [1, 2, 3]);
      assert.equal(listed.isTruncated, "true");
      const { uploads } = await oss().listUploads({ prefix: dir, "max-uploads": 10 });
      assert.ok(uploads.some(({ name, uploadId }) => name === key && uploadId === id));
      const whole = await oss().completeMultipartUpload(key, id, parts.sort((a, b) => a.number - b.number));
      assert.match(whole.etag, /^"[0-9A-F]{32}-4"$/);
      assert.ok((await stored(key)).equals(BODY));
      assert.equal((await oss().head(key)).res.headers["x-oss-object-type"], "Multipart");
    });

    test("an upload that stopped goes on from its checkpoint", async () => {
      const key = `${dir}/resumed`;
      let checkpoint;
      const first = oss();
      const upload = first.multipartUpload(key, file, {
        partSize: PART,
        parallel: 1,
        progress: async (share, held) => {
          checkpoint = held && structuredClone({ ...held, file: undefined });
          if (share > 0.4) first.cancel();
        },
      });
      await assert.rejects(upload, { status: 0, name: "cancel" });
      const done = checkpoint.doneParts.map(({ number }) => number);
      assert.ok(done.length > 0 && done.length < 4, `${done}`);
      const shares = [];
      const progress = async (share) => void shares.push(share);
      await oss().multipartUpload(key, file, { checkpoint: { ...checkpoint, file }, progress });
      assert.ok(shares[0] > 0.4, "what was sent is not sent again");
      assert.ok((await stored(key)).equals(BODY));
    });

    test("an object is copied in parts", async () => {
      await oss().put(`${dir}/source`, file);
      const source = { sourceKey: `${dir}/source`, sourceBucketName: BUCKET };
      await oss().multipartUploadCopy(`${dir}/copied`, source, { partSize: PART, parallel: 2 });
      assert.ok((await stored(`${dir}/copied`)).equals(BODY));
      run.ran("uploadPartCopy");
    });

    test("two clients work on one upload at once; the later part of a number counts", async () => {
      const key = `${dir}/two`;
      const id = await begin(key);
      const [one, other] = [oss(), oss()];
      const parts = await Promise.all([part(key, id, 1, one), part(key, id, 2, other), part(key, id, 3, one), part(key, id, 4, other)]);
      await Promise.all([part(key, id, 1, one), part(key, id, 1, other)]);
      const ends = await Promise.allSettled([one.completeMultipartUpload(key, id, parts), other.completeMultipartUpload(key, id, parts)]);
      const won = ends.filter(({ status }) => status === "fulfilled");
      assert.equal(won.length, 1, "an upload ends once");
      assert.equal(ends.find(({ status }) => status === "rejected").reason.code, "NoSuchUpload");
      assert.ok((await stored(key)).equals(BODY));
    });

    test("parts that are missing, changed, too small or out of order are refused", async () => {
      const key = `${dir}/wrong`;
      const id = await begin(key);
      const parts = [await part(key, id, 1), await part(key, id, 2)];
      const complete = (list) => oss().completeMultipartUpload(key, id, list);
      await assert.rejects(complete([parts[0], { ...parts[1], etag: parts[0].etag }]), refused("InvalidPart", 400));
      await assert.rejects(complete([...parts, { number: 3, etag: parts[0].etag }]), refused("InvalidPart", 400));
      await oss().uploadPart(key, id, 1, file, 0, 1000);
      const small = (await oss().listParts(key, id)).parts.map(({ PartNumber, ETag }) => ({ number: Number(PartNumber), etag: ETag }));
      await assert.rejects(complete(small), refused("EntityTooSmall", 400));
      await oss().abortMultipartUpload(key, id);
    });

    test("an upload that ended takes no more parts", async () => {
      const key = `${dir}/ended`;
      const completed = await begin(key);
      const parts = [await part(key, completed, 4)];
      await oss().completeMultipartUpload(key, completed, parts);
      await assert.rejects(oss().completeMultipartUpload(key, completed, parts), refused("NoSuchUpload", 404));
      const aborted = await begin(key);
      await oss().abortMultipartUpload(key, aborted);
      await assert.rejects(part(key, aborted, 1), refused("NoSuchUpload", 404));
      await assert.rejects(oss().listParts(key, aborted), refused("NoSuchUpload", 404));
    });

    test("multipartUpload keeps type and metadata, and sends what is small at once", async () => {
      const options = { partSize: PART, mime: "video/mp4", meta: { a: "1" }, headers: { "x-oss-storage-class": "IA" } };
      await oss().multipartUpload(`${dir}/large`, file, options);
      const { res, meta } = await oss().head(`${dir}/large`);
      assert.deepEqual([res.headers["content-type"], meta, res.headers["x-oss-storage-class"]], ["video/mp4", { a: "1" }, "IA"]);
      await oss().multipartUpload(`${dir}/small`, Buffer.alloc(1000, 7), { partSize: MIB });
      assert.ok((await stored(`${dir}/small`)).equals(Buffer.alloc(1000, 7)));
    });
  });
