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

const vended = () => ask(`${cloud.server}/sts?duration=900`, { headers: cloud.as("alice") });
const named = ({ AccessKeyId, AccessKeySecret, SecurityToken }) => ({ accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken });
const refreshing = { refreshSTSToken: async () => named(await vended()), refreshSTSTokenInterval: 5 * MINUTE * 1000 };
/** Moves the clock of this process, in which the SDK runs; the cloud takes it for slow or fast, up to 15 minutes. */
const pass = (seconds) => mock.timers.setTime(Date.now() + seconds * 1000);
const cloudClock = (offsetSeconds) => control(cloud, "PUT", "clock", { offsetSeconds });

/** A client whose credentials are over in a minute, and have just been replaced in the server. */
async function client(options) {
  await cloudClock(61 - 900); // the server hands out what lives a minute, and renews it a second later
  const given = await vended();
  await cloudClock(0);
  while ((await vended()).AccessKeyId === given.AccessKeyId);
  return new OSS({ region: `oss-${given.region}`, bucket: given.bucket, endpoint: given.endpoint, ...named(given), ...options });
}

for (const authorizationV4 of [true, false]) {
  const version = authorizationV4 ? "V4" : "V1";

  test(`ali-oss works until its credentials expire, refreshes and goes on (${version})`, async () => {
    const run = startRun(`ali-oss-server-${version.toLowerCase()}`, "ali-oss");
    const oss = run.counted(await client({ authorizationV4, ...refreshing }));
    const first = oss.options.accessKeyId;
    await oss.put("uploads/lives/a", Buffer.from("before"));
    await cloudClock(65);
    await assert.rejects(oss.get("uploads/lives/a"), { code: "SecurityTokenExpired", status: 403 });
    assert.equal(oss.options.accessKeyId, first, "the SDK asks every five minutes");
    pass(5 * MINUTE);
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
      await cloudClock(65);
      pass(5 * MINUTE);
    };
    await oss.multipartUpload("uploads/lives/parts", body, { partSize: 128 * 1024, parallel: 1, progress });
    assert.equal(keys.size, 2);
    assert.ok((await oss.get("uploads/lives/parts")).content.equals(body));
  });

  test(`a token that ends too early is told as such, and what is vended next works (${version})`, async () => {
    const oss = await client({ authorizationV4 });
    await control(cloud, "POST", "expire-token", { accessKeyId: oss.options.accessKeyId });
    await assert.rejects(oss.put("uploads/early", Buffer.from("x")), { code: "SecurityTokenExpired", status: 403 });
    Object.assign(oss.options, named(await vended()));
    await oss.put("uploads/early", Buffer.from("x"));
  });

  test(`a clock that is 20 minutes off is refused, and Node's build of ali-oss says so (${version})`, async () => {
    const oss = await client({ authorizationV4 });
    await cloudClock(-14 * MINUTE);
    await oss.put("uploads/skew", Buffer.from("x"));
    await cloudClock(-20 * MINUTE);
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
    if (name) await oss.put(`uploads/uri/${name}`, Buffer.from(name));
  };
  await store("first");
  pass(14 * MINUTE);
  await store("second");
  assert.equal(counter.calls.length, 1, "three quarters of an hour are left");
  pass(40 * MINUTE);
  await store(); // so far ahead of the cloud's clock it could not use them
  assert.equal(counter.calls.length, 2, "six minutes are left");
  run.ran("getCredential (credentials_uri)");
  run.ran("refresh");
  run.write();
});
