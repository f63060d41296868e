/** SDKs that live on what the server vends: they work until it expires, refresh, and go on. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, mock, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, REGION, control } from "../support/emulator.mjs";
import { noise } from "../support/files.mjs";
import { startProxy } from "../support/proxy.mjs";
import { startRun } from "../support/runs.mjs";
import { ask, startServer } from "../support/server.mjs";
import { letTimePass } from "../support/time.mjs";

const { default: Credential, Config } = createRequire(import.meta.url)("@alicloud/credentials");
const MINUTE = 60;
let cloud;

beforeEach(async () => {
  cloud = await startServer();
  mock.timers.enable({ apis: ["Date"], now: Date.now() });
});
afterEach(async () => {
  mock.timers.reset();
  await cloud.stop();
});

const vended = () => ask(`${cloud.server}/sts`, { headers: cloud.as("alice") });
const named = ({ AccessKeyId, AccessKeySecret, SecurityToken }) => ({ accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken });
const refreshing = { refreshSTSToken: async () => named(await vended()), refreshSTSTokenInterval: 5 * MINUTE * 1000 };

/** Time goes on for all three: the cloud, the server, and the SDK in this process. */
async function pass(seconds) {
  await letTimePass(cloud, seconds);
  mock.timers.setTime(Date.now() + seconds * 1000);
}

async function client(options) {
  const given = await vended();
  return new OSS({ region: `oss-${given.region}`, bucket: given.bucket, endpoint: given.endpoint, ...named(given), ...options });
}

for (const authorizationV4 of [true, false]) {
  const version = authorizationV4 ? "V4" : "V1";

  test(`ali-oss works until its credentials expire, refreshes and goes on (${version})`, async () => {
    const run = startRun(`ali-oss-server-${version.toLowerCase()}`, "ali-oss");
    const oss = run.counted(await client({ authorizationV4, ...refreshing }));
    const without = await client({ authorizationV4 });
    const first = oss.options.accessKeyId;
    await oss.put("uploads/lives/a", Buffer.from("before"));
    assert.equal(oss.options.accessKeyId, first, "five minutes have not gone by");
    await pass(61 * MINUTE);
    await assert.rejects(without.get("uploads/lives/a"), { code: "SecurityTokenExpired", status: 403 });
    assert.equal((await oss.get("uploads/lives/a")).content.toString(), "before");
    await oss.put("uploads/lives/a", Buffer.from("after"));
    await oss.delete("uploads/lives/a");
    assert.notEqual(oss.options.accessKeyId, first);
    run.ran("refreshSTSToken");
    run.write();
  });

  test(`an upload in parts outlives the credentials that it began with (${version})`, async () => {
    const oss = await client({ authorizationV4, ...refreshing });
    const body = noise(4 * 128 * 1024);
    const keys = new Set();
    const progress = async (_, checkpoint) => {
      keys.add(oss.options.accessKeyId);
      if (checkpoint?.doneParts.length !== 2 || keys.size > 1) return;
      await pass(61 * MINUTE);
    };
    await oss.multipartUpload("uploads/lives/parts", body, { partSize: 128 * 1024, parallel: 1, progress });
    assert.equal(keys.size, 2);
    assert.ok((await oss.get("uploads/lives/parts")).content.equals(body));
  });

  test(`a token that ends too early is told as such, and what is vended next works (${version})`, async () => {
    const oss = await client({ authorizationV4 });
    await control(cloud, "POST", "expire-token", { accessKeyId: oss.options.accessKeyId });
    await assert.rejects(oss.put("uploads/early", Buffer.from("x")), { code: "SecurityTokenExpired", status: 403 });
    Object.assign(oss.options, named(await ask(`${cloud.server}/sts?duration=900`, { headers: cloud.as("alice") })));
    await oss.put("uploads/early", Buffer.from("x"));
  });

  test(`a clock that is 20 minutes off is refused, and Node's build of ali-oss says so (${version})`, async () => {
    const oss = await client({ authorizationV4 });
    await control(cloud, "PUT", "clock", { offsetSeconds: -14 * MINUTE });
    await oss.put("uploads/skew", Buffer.from("x"));
    await control(cloud, "PUT", "clock", { offsetSeconds: -20 * MINUTE });
    await assert.rejects(oss.put("uploads/skew", Buffer.from("x")), { code: "RequestTimeTooSkewed", status: 403 });
  });
}

test("@alicloud/credentials keeps what the server vends, and asks again before it ends", async (context) => {
  const run = startRun("credentials-server", "@alicloud/credentials");
  const counter = await startProxy(cloud.server);
  context.after(() => counter.stop());
  const credential = new Credential(new Config({ type: "credentials_uri", credentialsURI: `${counter.url}/credentials-uri` }));
  const store = async (name) => {
    const { accessKeyId, accessKeySecret, securityToken: stsToken } = await credential.getCredential();
    const oss = new OSS({ accessKeyId, accessKeySecret, stsToken, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss });
    await oss.put(`uploads/uri/${name}`, Buffer.from(name));
    return accessKeyId;
  };
  const first = await store("first");
  await pass(30 * MINUTE);
  assert.equal(await store("second"), first);
  assert.equal(counter.calls.length, 1, "half an hour is left");
  await pass(31 * MINUTE);
  assert.notEqual(await store("third"), first);
  assert.equal(counter.calls.length, 2);
  run.ran("getCredential (credentials_uri)");
  run.ran("refresh");
  run.write();
});
