/** The official SDK in Node with what we vend. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import OSS from "ali-oss";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { ask, startServer } from "../support/server.mjs";

let cloud, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "ali-oss-"));
  cloud = await startServer();
});
after(async () => {
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

const sts = () => ask(`${cloud.server}/sts`, { headers: cloud.as("alice") });

async function client(authorizationV4) {
  const given = await sts();
  let refreshed = 0;
  const oss = new OSS({
    region: `oss-${given.region}`,
    bucket: given.bucket,
    endpoint: given.endpoint,
    accessKeyId: given.AccessKeyId,
    accessKeySecret: given.AccessKeySecret,
    stsToken: given.SecurityToken,
    authorizationV4,
    refreshSTSTokenInterval: 0,
    refreshSTSToken: async () => {
      refreshed += 1;
      const { AccessKeyId, AccessKeySecret, SecurityToken } = await sts();
      return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken };
    },
  });
  return { oss, refreshed: () => refreshed };
}

for (const v4 of [true, false]) {
  const version = v4 ? "V4" : "V1";

  test(`ali-oss puts, gets and refreshes its token (${version})`, async () => {
    const { oss, refreshed } = await client(v4);
    const key = `uploads/ali-oss/${AWKWARD}`;
    await oss.put(key, Buffer.from("from the SDK"));
    assert.equal((await oss.get(key)).content.toString(), "from the SDK");
    assert.ok(refreshed() >= 1);
    await oss.delete(key);
    await assert.rejects(oss.get(key), { code: "NoSuchKey" });
  });

  test(`ali-oss uploads 5 MiB in parts (${version})`, async () => {
    const { oss } = await client(v4);
    const file = join(folder, "five");
    const body = noise(5 * MIB);
    await writeFile(file, body);
    const seen = [];
    await oss.multipartUpload("uploads/ali-oss/five.bin", file, { partSize: MIB, parallel: 2, progress: (part) => void seen.push(part) });
    assert.equal(seen.at(-1), 1);
    assert.ok((await oss.get("uploads/ali-oss/five.bin")).content.equals(body));
  });
}
