/** The SDKs that speak to STS, against the emulated one: what it returns opens the bucket. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import OSS from "ali-oss";
import { BUCKET, PROVIDER, REGION, ROLE, USER, control } from "../support/emulator.mjs";
import { startRun } from "../support/runs.mjs";
import { startServer } from "../support/server.mjs";

const require = createRequire(import.meta.url);
const PopCore = require("@alicloud/pop-core");
const { default: Sts, AssumeRoleRequest, AssumeRoleWithOIDCRequest } = require("@alicloud/sts20150401");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const { default: Credential, Config } = require("@alicloud/credentials");

const runs = Object.fromEntries(
  ["ali-oss", "@alicloud/sts20150401", "@alicloud/pop-core", "@alicloud/credentials"].map((sdk) => [sdk, startRun(`${sdk.replace(/^@.*\//, "")}-sts`, sdk)]),
);
const POLICY = { Version: "1", Statement: [{ Effect: "Allow", Action: ["oss:PutObject", "oss:GetObject"], Resource: [`acs:oss:*:*:${BUCKET}/only/测试 +~'/*`] }] };
let cloud;

before(async () => (cloud = await startServer()));
after(async () => {
  await cloud?.stop();
  for (const run of Object.values(runs)) run.write();
});

/** The session may write where its inline policy says, and nowhere else. */
async function opensWhatThePolicySays({ AccessKeyId, AccessKeySecret, SecurityToken, Expiration }, seconds) {
  assert.match(AccessKeyId, /^STS\./);
  const life = (new Date(Expiration) - Date.now()) / 1000;
  assert.ok(life > seconds - 30 && life <= seconds + 5, `${life}`);
  for (const authorizationV4 of [true, false]) {
    const oss = new OSS({
      accessKeyId: AccessKeyId,
      accessKeySecret: AccessKeySecret,
      stsToken: SecurityToken,
      region: `oss-${REGION}`,
      bucket: BUCKET,
      endpoint: cloud.oss,
      authorizationV4,
    });
    await oss.put("only/测试 +~'/a", Buffer.from("x"));
    await assert.rejects(oss.put("elsewhere", Buffer.from("x")), { code: "AccessDenied", status: 403 });
  }
}

test("ali-oss assumes a role", async () => {
  const sts = new OSS.STS({ ...USER, endpoint: cloud.sts });
  const { credentials } = await runs["ali-oss"].counted(sts).assumeRole(ROLE, POLICY, 900, "ali-oss");
  await opensWhatThePolicySays(credentials, 900);
  await assert.rejects(sts.assumeRole(ROLE, POLICY, 10, "ali-oss"), { status: 400 });
  await assert.rejects(sts.assumeRole(`${ROLE}-not`, POLICY, 900, "ali-oss"), { code: "EntityNotExist.Role" });
  const stranger = new OSS.STS({ ...USER, accessKeySecret: "wrong", endpoint: cloud.sts });
  await assert.rejects(stranger.assumeRole(ROLE, POLICY, 900, "ali-oss"), { code: "SignatureDoesNotMatch" });
});

for (const [scheme, signatureAlgorithm] of [["ACS3", undefined], ["RPC", "v2"]]) {
  const client = (more) =>
    new Sts(new $OpenApiUtil.Config({ ...USER, endpoint: new URL(cloud.sts).host, protocol: "http", regionId: REGION, signatureAlgorithm, ...more }));
  const counted = (more) => runs["@alicloud/sts20150401"].counted(client(more));

  test(`@alicloud/sts20150401 assumes a role and asks who it is (${scheme})`, async () => {
    const asked = { roleArn: ROLE, roleSessionName: "sts@example.com", durationSeconds: 1800, policy: JSON.stringify(POLICY) };
    const { body } = await counted().assumeRole(new AssumeRoleRequest(asked));
    assert.equal(body.assumedRoleUser.arn, `${ROLE}/sts@example.com`);
    const { accessKeyId, accessKeySecret, securityToken, expiration } = body.credentials;
    await opensWhatThePolicySays({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Expiration: expiration }, 1800);

    assert.equal((await counted().getCallerIdentity()).body.identityType, "RAMUser");
    const session = await counted({ accessKeyId, accessKeySecret, securityToken }).getCallerIdentity();
    assert.equal(session.body.identityType, "AssumedRoleUser");
    assert.equal(session.body.arn, `${ROLE.replace(":role/", ":assumed-role/")}/sts@example.com`);
  });

  test(`@alicloud/sts20150401 is told what was wrong (${scheme})`, async () => {
    const assume = (more, key) => client(key).assumeRole(new AssumeRoleRequest({ roleArn: ROLE, roleSessionName: "name", ...more }));
    await assert.rejects(assume({}, { accessKeySecret: "wrong" }), { code: "SignatureDoesNotMatch" });
    await assert.rejects(assume({}, { accessKeyId: "LTAIstranger" }), { code: "InvalidAccessKeyId.NotFound" });
    await assert.rejects(assume({ roleArn: `${ROLE}-not` }), { code: "EntityNotExist.Role" });
    await assert.rejects(assume({ durationSeconds: 10 }), (error) => error.code.startsWith("InvalidParameter"));
  });
}

test("@alicloud/pop-core assumes a role, by GET and by POST", async () => {
  const pop = new PopCore.RPCClient({ ...USER, endpoint: cloud.sts, apiVersion: "2015-04-01" });
  for (const method of ["GET", "POST"]) {
    const asked = { RoleArn: ROLE, RoleSessionName: "pop", Policy: JSON.stringify(POLICY), DurationSeconds: 900 };
    const { Credentials } = await pop.request("AssumeRole", asked, { method });
    await opensWhatThePolicySays(Credentials, 900);
    runs["@alicloud/pop-core"].ran(`AssumeRole (${method})`);
    assert.equal((await pop.request("GetCallerIdentity", {}, { method })).IdentityType, "RAMUser");
    runs["@alicloud/pop-core"].ran(`GetCallerIdentity (${method})`);
  }
  await assert.rejects(pop.request("AssumeRole", { RoleArn: `${ROLE}-not`, RoleSessionName: "pop" }), { code: "EntityNotExist.Role" });
});

/** An SDK that speaks TLS alone: the test takes the TLS off, and leaves the rest as it is. */
function withoutTls(context) {
  const plain = (options, connected) => net.connect({ host: options.hostname ?? options.host, port: options.port }, connected);
  const connecting = mock.method(https.Agent.prototype, "createConnection", plain);
  context.after(() => connecting.mock.restore());
}

for (const [scheme, signatureAlgorithm] of [["ACS3", undefined], ["RPC", "v2"]])
  test(`@alicloud/sts20150401 assumes a role with an identity token (${scheme})`, async () => {
    const config = { ...USER, endpoint: new URL(cloud.sts).host, protocol: "http", regionId: REGION, signatureAlgorithm };
    const sts = runs["@alicloud/sts20150401"].counted(new Sts(new $OpenApiUtil.Config(config)));
    const { token } = await control(cloud, "POST", "identity-token", { subject: "system:serviceaccount:default:app" });
    const asked = { roleArn: ROLE, oidcProviderArn: PROVIDER, roleSessionName: "oidc", durationSeconds: 900, policy: JSON.stringify(POLICY) };
    const { body } = await sts.assumeRoleWithOIDC(new AssumeRoleWithOIDCRequest({ ...asked, OIDCProviderArn: PROVIDER, OIDCToken: token }));
    const { accessKeyId, accessKeySecret, securityToken, expiration } = body.credentials;
    await opensWhatThePolicySays({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Expiration: expiration }, 900);
    const dead = await control(cloud, "POST", "identity-token", { expiresInSeconds: -1 });
    await assert.rejects(sts.assumeRoleWithOIDC(new AssumeRoleWithOIDCRequest({ ...asked, OIDCProviderArn: PROVIDER, OIDCToken: dead.token })), (error) => /OIDC/.test(error.code));
  });

test("@alicloud/credentials assumes a role with an identity token", async (context) => {
  withoutTls(context);
  const folder = await mkdtemp(join(tmpdir(), "oidc-"));
  context.after(() => rm(folder, { recursive: true }));
  const { token } = await control(cloud, "POST", "identity-token");
  await writeFile(join(folder, "token"), token);
  const credential = new Credential(
    new Config({ type: "oidc_role_arn", roleArn: ROLE, roleSessionName: "oidc", oidcProviderArn: PROVIDER, oidcTokenFilePath: join(folder, "token"), roleSessionExpiration: 900, durationSeconds: 900, policy: JSON.stringify(POLICY), stsEndpoint: new URL(cloud.sts).host }),
  );
  const { accessKeyId, accessKeySecret, securityToken } = await credential.getCredential();
  const oss = new OSS({ accessKeyId, accessKeySecret, stsToken: securityToken, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss });
  await oss.put("only/测试 +~'/oidc", Buffer.from("x"));
  runs["@alicloud/credentials"].ran("oidc_role_arn");
});

test("@alicloud/credentials assumes a role by itself", async (context) => {
  withoutTls(context);
  const credential = new Credential(
    new Config({ type: "ram_role_arn", ...USER, roleArn: ROLE, roleSessionName: "credentials", roleSessionExpiration: 900, policy: JSON.stringify(POLICY), stsEndpoint: new URL(cloud.sts).host }),
  );
  const { accessKeyId, accessKeySecret, securityToken } = await credential.getCredential();
  const Expiration = new Date(Date.now() + 900_000);
  await opensWhatThePolicySays({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Expiration }, 900);
  runs["@alicloud/credentials"].ran("ram_role_arn");
});

test("@alicloud/credentials takes what the server vends as a credentials URI", async () => {
  const credential = new Credential(new Config({ type: "credentials_uri", credentialsURI: `${cloud.server}/credentials-uri` }));
  const { accessKeyId, accessKeySecret, securityToken } = await credential.getCredential();
  const oss = new OSS({ accessKeyId, accessKeySecret, stsToken: securityToken, region: `oss-${REGION}`, bucket: BUCKET, endpoint: cloud.oss });
  await oss.put("uploads/uri", Buffer.from("x"));
  await assert.rejects(oss.put("elsewhere", Buffer.from("x")), { code: "AccessDenied" });
  assert.equal((await credential.getCredential()).accessKeyId, accessKeyId);
  runs["@alicloud/credentials"].ran("credentials_uri");
});
