/** Every call of `ali-oss` on the bucket, against the emulator; it begins and ends with the bucket that `dev` brings along. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, REGION, USER } from "../support/emulator.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";

const run = startRun("ali-oss-bucket", "ali-oss");
after(() => run.write());

for (const v4 of [true, false])
  describe(v4 ? "V4" : "V1", () => {
    let cloud;
    before(async () => (cloud = await startServer()));
    after(() => cloud?.stop());
    const oss = () =>
      run.counted(new OSS({ ...USER, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss, authorizationV4: v4 }));

    test("what it is and where", async () => {
      const { bucket } = await oss().getBucketInfo(BUCKET);
      assert.deepEqual([bucket.Name, bucket.Location], [BUCKET, `oss-${REGION}`]);
      assert.equal((await oss().getBucketLocation(BUCKET)).location, `oss-${REGION}`);
    });

    test("its ACL", async () => {
      assert.equal((await oss().getBucketACL(BUCKET)).acl, "private");
      await oss().putBucketACL(BUCKET, "public-read");
      assert.equal((await oss().getBucketACL(BUCKET)).acl, "public-read");
      await oss().putBucketACL(BUCKET, "private");
    });

    test("its CORS rules", async () => {
      const rules = [{ allowedOrigin: "https://app.example.com", allowedMethod: ["GET", "PUT"], allowedHeader: "*", exposeHeader: ["ETag", "x-oss-request-id"], maxAgeSeconds: "60" }];
      await oss().putBucketCORS(BUCKET, rules);
      const [rule] = (await oss().getBucketCORS(BUCKET)).rules;
      assert.deepEqual([rule.allowedOrigin, rule.allowedMethod, rule.maxAgeSeconds], ["https://app.example.com", ["GET", "PUT"], "60"]);
      await oss().deleteBucketCORS(BUCKET);
      await assert.rejects(oss().getBucketCORS(BUCKET), { code: "NoSuchCORSConfiguration", status: 404 });
    });

    test("its lifecycle rules are kept", async () => {
      await oss().putBucketLifecycle(BUCKET, [{ id: "tmp", prefix: "tmp/", status: "Enabled", expiration: { days: 3 } }]);
      const [rule] = (await oss().getBucketLifecycle(BUCKET)).rules;
      assert.deepEqual([rule.id, rule.prefix, rule.status], ["tmp", "tmp/", "Enabled"]);
      await oss().deleteBucketLifecycle(BUCKET);
      await assert.rejects(oss().getBucketLifecycle(BUCKET), { code: "NoSuchLifecycle", status: 404 });
    });

    test("what is not emulated says so", async () => {
      await assert.rejects(oss().getBucketWebsite(BUCKET), { code: "NotImplemented", status: 501 });
      await assert.rejects(oss().getBucketEncryption(BUCKET), { code: "NotImplemented", status: 501 });
    });

    test("a bucket that holds something cannot be deleted; an empty one is deleted and made anew", async () => {
      await oss().put("left", Buffer.from("x"));
      await assert.rejects(oss().deleteBucket(BUCKET), { code: "BucketNotEmpty", status: 409 });
      await oss().delete("left");
      await oss().deleteBucket(BUCKET);
      await assert.rejects(oss().getBucketInfo(BUCKET), { code: "NoSuchBucket", status: 404 });
      await oss().putBucket(BUCKET, { acl: "private", storageClass: "Standard" });
      assert.equal((await oss().getBucketInfo(BUCKET)).bucket.Name, BUCKET);
    });

    test("versions of an object: kept, listed, read, hidden by a delete, and removed", async () => {
      await oss().putBucketVersioning(BUCKET, "Enabled");
      assert.equal((await oss().getBucketVersioning(BUCKET)).versionStatus, "Enabled");
      const ids = [];
      for (const text of ["one", "two"]) ids.push((await oss().put("v/a", Buffer.from(text))).res.headers["x-oss-version-id"]);
      assert.notEqual(ids[0], ids[1]);
      const read = async (versionId) => (await oss().get("v/a", { versionId })).content.toString();
      assert.deepEqual([await read(ids[0]), await read(ids[1]), (await oss().get("v/a")).content.toString()], ["one", "two", "two"]);
      assert.equal((await oss().head("v/a", { versionId: ids[0] })).res.headers["x-oss-version-id"], ids[0]);
      assert.equal((await oss().delete("v/a")).res.headers["x-oss-delete-marker"], "true");
      await assert.rejects(oss().get("v/a"), { code: "NoSuchKey", status: 404 });
      const all = await oss().getBucketVersions({ prefix: "v/" });
      assert.deepEqual(all.objects.map(({ versionId }) => versionId), [ids[1], ids[0]]);
      assert.equal(all.deleteMarker.length, 1);
      await oss().deleteMulti([...ids, all.deleteMarker[0].versionId].map((versionId) => ({ key: "v/a", versionId })));
      const left = await oss().getBucketVersions({ prefix: "v/" });
      assert.deepEqual([left.objects, left.deleteMarker], [[], []]);
    });
  });
