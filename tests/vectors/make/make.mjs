// Runs the official JavaScript SDKs with time, nonces and keys frozen, and prints what they signed as test vectors.
//
//     node make.mjs NODE_MODULES > cases.json
//
// Nothing reaches a network: each SDK is stopped where it would send. What is signed is read off the hash functions that
// the SDK calls, so the texts are the SDK's own, not a second opinion.

import crypto from "node:crypto";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";

const require = createRequire(path.resolve(process.argv[2], "from-here.js"));

const NOW = 1767323045; // 2026-01-02T03:04:05Z, as in make.py
const BUCKET = "examplebucket";
const REGION = "cn-hangzhou";
const PERMANENT = { access_key_id: "ExampleAccessKeyId", access_key_secret: "Example/Secret+With=Signs~-_." };
const TEMPORARY = {
  access_key_id: "STS.ExampleTemporaryId",
  access_key_secret: "ExampleTemporarySecret/+=",
  security_token: "CAISexample/Token+With=Signs&Percent%2B==/a+b/c==",
};
const KEYS = {
  plain: "dir/file.txt",
  space: "dir/a b+c%d%2Fe.txt",
  quotes: "it's \"q\" <x> & y=z?w#v;u,t.txt",
  marks: "~*()!@:$,[]{}|^`\\-_..txt",
  chinese: "目录/文件 名（一）.jpg",
  emoji: "😀/é ñ 🇨🇳.png",
};

// Time stands still and chance is gone, before any SDK is loaded.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [NOW * 1000] : parts));
  }
  static now() {
    return NOW * 1000;
  }
};
Math.random = () => 0.123456789;
os.hostname = () => "vectors";
Object.defineProperty(process, "pid", { value: 1 });
console.warn = () => {};

// What went through a hash: [text, digest].
const hashed = [];
const signed = [];
for (const [name, log] of [["createHash", hashed], ["createHmac", signed]]) {
  const real = crypto[name];
  crypto[name] = (...options) => {
    const hash = real(...options);
    const chunks = [];
    const { update, digest } = hash;
    hash.update = (chunk, encoding) => {
      chunks.push(Buffer.from(chunk, encoding));
      update.call(hash, chunk, encoding);
      return hash;
    };
    hash.digest = (encoding) => {
      const outcome = digest.call(hash);
      log.push([Buffer.concat(chunks).toString(), outcome]);
      return encoding ? outcome.toString(encoding) : outcome;
    };
    return hash;
  };
}

// What would have been sent, by ali-oss and by the others.
const sent = [];
const urllib = {
  async request(url, { method, headers, content }) {
    sent.push({ method, url, headers, body: content ? content.toString() : "" });
    return { status: 200, data: Buffer.from("{}"), headers: {}, res: { headers: {} } };
  },
};
const httpx = require("httpx");
httpx.request = async (url, { method = "GET", headers, data }) => {
  url = url.replace(/^HTTPS:/, "https:");
  sent.push({ method, url, headers, body: data ? data.toString() : "" });
  return Object.assign(Readable.from([Buffer.from("{}")]), { statusCode: 200, headers: {} });
};
httpx.read = async () => "{}";

const OSS = require("ali-oss");
const PopCore = require("@alicloud/pop-core");
const Sts = require("@alicloud/sts20150401");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const version = (name) => `${name}@${require(`${name}/package.json`).version}`;

const vectors = [];
const UNSIGNED = ["user-agent", "accept", "accept-encoding", "connection", "content-length", "authorization", "x-sdk-client"];

function stages(signature) {
  const found = {};
  const [text] = signed.find(([, digest]) => [digest.toString("hex"), digest.toString("base64")].includes(signature));
  const last = text.split("\n").at(-1);
  const request = hashed.find(([, digest]) => digest.toString("hex") === last);
  if (request) found.canonical_request = request[0];
  return { ...found, string_to_sign: text, signature };
}

function headersOf({ headers, url }, also = []) {
  const kept = Object.entries(headers)
    .map(([name, value]) => [name, String(value)])
    .filter(([name]) => !UNSIGNED.includes(name.toLowerCase()) || also.includes(name.toLowerCase()));
  if (!kept.some(([name]) => name.toLowerCase() === "host")) kept.push(["Host", new URL(url).host]);
  return kept.sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
}

async function run(call) {
  sent.length = hashed.length = signed.length = 0;
  try {
    return await call();
  } catch (error) {
    if (sent.length === 0) throw error; // what the SDK makes of our empty answer does not matter
  }
}

function record(scheme, id, note, source, credentials, context, request, expected) {
  context = { ...context, now: NOW };
  vectors.push({ scheme, id, note, source, credentials, context, request, expected });
}

async function headerCase(scheme, id, note, source, credentials, context, call) {
  await run(call);
  const [{ method, url, headers, body }] = sent;
  const authorization = headers.authorization ?? headers.Authorization;
  const also = /(?:AdditionalHeaders|SignedHeaders)=([^,]*)/.exec(authorization)?.[1].split(";");
  const signature = /(?:Signature=|^OSS [^:]*:)(.*)$/.exec(authorization)[1];
  const request = { method, url, headers: headersOf(sent[0], also), body };
  record(scheme, id, note, source, credentials, context, request, { ...stages(signature), authorization });
}

async function queryCase(scheme, id, note, source, credentials, context, method, headers, call) {
  const url = await run(call);
  const query = new URL(url).searchParams;
  const signature = query.get("x-oss-signature") ?? query.get("Signature");
  const request = { method, url, headers: [["Host", new URL(url).host], ...Object.entries(headers)], body: "" };
  record(scheme, id, note, source, credentials, context, request, { ...stages(signature), signed_url: url });
}

// ali-oss

const ALI_OSS = version("ali-oss");
const ossContext = (v4, key, more = {}) => ({ bucket: BUCKET, key, ...more, ...(v4 && { region: REGION, product: "oss" }) });

function client(credentials, v4, options = {}) {
  return new OSS({
    accessKeyId: credentials.access_key_id,
    accessKeySecret: credentials.access_key_secret,
    stsToken: credentials.security_token,
    refreshSTSToken: async () => ({}),
    refreshSTSTokenInterval: 1e12,
    region: `oss-${REGION}`,
    bucket: BUCKET,
    secure: true,
    authorizationV4: v4,
    urllib,
    ...options,
  });
}

const UPLOAD = "0004B9895DBBB6EC98E36";
const CALLS = [
  ["put", "metadata with padding, content type", KEYS.plain, {}, (c) =>
    c.put(KEYS.plain, Buffer.from("hello"), { mime: "image/png", meta: { author: " padded " }, headers: { "x-oss-storage-class": "IA" } })],
  ["put-token", "temporary key", KEYS.chinese, { credentials: TEMPORARY }, (c) => c.put(KEYS.chinese, Buffer.from("hello"), { mime: "image/png" })],
  ["get", "awkward key", KEYS.space, {}, (c) => c.get(KEYS.space)],
  ["acl", "parameter without a value", KEYS.emoji, {}, (c) => c.getACL(KEYS.emoji)],
  ["init", "multipart: begin", KEYS.plain, {}, (c) => c.initMultipartUpload(KEYS.plain, { mime: "video/mp4" })],
  ["abort", "multipart: abort", KEYS.plain, { credentials: TEMPORARY }, (c) => c.abortMultipartUpload(KEYS.plain, UPLOAD)],
  ["list", "bucket level", null, {}, (c) => c.listV2({ prefix: "目录/ +&=%", "max-keys": 10 })],
  ["cname", "custom domain", KEYS.plain, { cname: true, endpoint: "https://static.example.com" }, (c) => c.head(KEYS.plain)],
];
const URLS = [
  ["get", "awkward key", "GET", KEYS.emoji, { credentials: TEMPORARY }, {}, {}],
  ["put", "content type and metadata are signed", "PUT", KEYS.chinese, { credentials: TEMPORARY }, { "Content-Type": "image/png", "x-oss-meta-a": "1" }, {}],
  ["process", "image processing and an override", "GET", KEYS.marks, {}, {}, { "x-oss-process": "image/resize,w_100", "response-content-disposition": "attachment; filename=\"a b+é.png\"" }],
  ["traffic", "traffic limit", "PUT", KEYS.quotes, {}, {}, { "x-oss-traffic-limit": "819200" }],
  ["part", "multipart: part", "PUT", KEYS.plain, {}, {}, { partNumber: "1", uploadId: UPLOAD }],
  ["cname", "custom domain", "GET", KEYS.space, { cname: true, endpoint: "https://static.example.com" }, {}, {}],
];
for (const v4 of [false, true]) {
  const scheme = v4 ? "oss_v4" : "oss_v1";
  for (const [name, note, key, { credentials = PERMANENT, ...options }, call] of CALLS) {
    const oss = client(credentials, v4, options);
    await headerCase(`${scheme}_header`, `ali-oss-${name}`, note, ALI_OSS, credentials, ossContext(v4, key), () => call(oss));
  }
  for (const [name, note, method, key, { credentials = PERMANENT, ...options }, headers, queries] of URLS) {
    const oss = client(credentials, v4, options);
    const call = () =>
      v4
        ? oss.signatureUrlV4(method, 600, { headers: { ...headers }, queries: { ...queries } }, key)
        : oss.signatureUrl(key, { method, expires: 600, ...headers, subResource: { ...queries } });
    const context = ossContext(v4, key, { expires_in: 600 });
    await queryCase(`${scheme}_query`, `ali-oss-${name}`, note, ALI_OSS, credentials, context, method, headers, call);
  }
}
const additional = { "Content-Type": "image/png", "Content-Length": "1000", "Content-Disposition": "inline" };
await queryCase("oss_v4_query", "ali-oss-additional", "additional headers", ALI_OSS, PERMANENT, ossContext(true, KEYS.plain, { expires_in: 600 }),
  "PUT", additional, () =>
    client(PERMANENT, true).signatureUrlV4("PUT", 600, { headers: additional }, KEYS.plain, ["Content-Length", "content-disposition"]));

// Forms. The SDK takes the policy as given and signs it; `exact` ones are laid out as this project lays them out.

const date = new Date();
const compact = date.toISOString().replace(/[-:]|\.\d+/g, "");
const credential = (key) => `${key.access_key_id}/${compact.slice(0, 8)}/${REGION}/oss/aliyun_v4_request`;
const POLICIES = {
  exact: [
    { bucket: BUCKET },
    { key: "uploads/u42/é \"a\" \\ ${b}.png".replace("$", "\\$") },
    ["content-length-range", 1, 1048576000],
    ["in", "$content-type", ["image/png", "image/jpeg"]],
    { success_action_status: "200" },
  ],
  prefix: [
    { bucket: BUCKET },
    ["starts-with", "$key", "目录/u42/"],
    ["content-length-range", 0, 5242880],
    ["not-in", "$cache-control", ["no-cache", "no-store"]],
    { "x-oss-forbid-overwrite": "true" },
  ],
  eq: [["eq", "$bucket", BUCKET], ["eq", "$key", "dir/\\${filename}"], ["starts-with", "$content-type", ""]],
};
for (const [kind, conditions] of Object.entries(POLICIES)) {
  for (const credentials of [PERMANENT, TEMPORARY]) {
    const token = credentials.security_token;
    const id = `ali-oss-${kind}${token ? "-token" : ""}`;
    const note = `policy ${kind}${token ? ", temporary key" : ""}`;
    const expiration = new Date((NOW + 900) * 1000).toISOString();
    const v1 = await run(() => client(credentials, false).calculatePostSignature({ expiration, conditions }));
    const expected = (policy, signature, fields) => {
      const [text] = signed.find(([, digest]) => [digest.toString("hex"), digest.toString("base64")].includes(signature));
      const all = { ...fields, ...(token && { "x-oss-security-token": token }) };
      return { policy: Buffer.from(policy, "base64").toString(), string_to_sign: text, signature, fields: all };
    };
    const post = { method: "POST", url: `https://${BUCKET}.oss-${REGION}.aliyuncs.com/` };
    const context = { bucket: BUCKET, expiration };
    record("post_v1", id, note, ALI_OSS, credentials, context, post, expected(v1.policy, v1.Signature, { ...v1 }));

    const proof = {
      "x-oss-date": compact,
      "x-oss-signature-version": "OSS4-HMAC-SHA256",
      "x-oss-credential": credential(credentials),
      ...(token && { "x-oss-security-token": token }),
    };
    const bound = [...conditions, ...Object.entries(proof).map(([name, value]) => ({ [name]: value }))];
    const signature = await run(() => client(credentials, true).signPostObjectPolicyV4({ expiration, conditions: bound }, date));
    const [policy] = signed.find(([, digest]) => digest.toString("hex") === signature);
    const v4Context = { ...context, region: REGION, product: "oss" };
    record("post_v4", id, note, ALI_OSS, credentials, v4Context, post, expected(policy, signature, { policy, ...proof, "x-oss-signature": signature }));
  }
}

// STS

function rpcRecord(id, note, source, credentials) {
  const [{ method, url, body }] = sent;
  const parameters = new URLSearchParams([...new URL(url).searchParams, ...new URLSearchParams(body)]);
  record("rpc_v1", id, note, source, credentials, {}, { method, url, headers: headersOf(sent[0]), body }, stages(parameters.get("Signature")));
}

const ROLE = "acs:ram::1234567890123456:role/example-role";
const POLICY = { Version: "1", Statement: [{ Effect: "Allow", Action: ["oss:PutObject"], Resource: ["acs:oss:*:*:examplebucket/目录/ +~'\"*"] }] };
for (const [name, note, policy] of [["plain", "all in the body, a decimal nonce, milliseconds in the time", undefined], ["policy", "awkward policy", POLICY]]) {
  const sts = new OSS.STS({ accessKeyId: PERMANENT.access_key_id, accessKeySecret: PERMANENT.access_key_secret, urllib });
  await run(() => sts.assumeRole(ROLE, policy, 900, "u42"));
  rpcRecord(`ali-oss-${name}`, note, ALI_OSS, PERMANENT);
}

for (const [name, note, credentials, parameters, method] of [
  ["get", "GET", PERMANENT, { RoleArn: ROLE, RoleSessionName: "u42", Policy: JSON.stringify(POLICY) }, "GET"],
  ["post", "POST, all in the body", PERMANENT, { RoleArn: ROLE, RoleSessionName: "u42", Policy: JSON.stringify(POLICY) }, "POST"],
  ["token", "temporary key, an empty value", TEMPORARY, { RoleArn: ROLE, RoleSessionName: "u42", ExternalId: "" }, "POST"],
]) {
  const rpc = new PopCore.RPCClient({
    accessKeyId: credentials.access_key_id,
    accessKeySecret: credentials.access_key_secret,
    securityToken: credentials.security_token,
    endpoint: "https://sts.cn-hangzhou.aliyuncs.com",
    apiVersion: "2015-04-01",
  });
  await run(() => rpc.request("AssumeRole", parameters, { method }));
  rpcRecord(`pop-core-${name}`, note, version("@alicloud/pop-core"), credentials);
}

const STS = `${version("@alicloud/sts20150401")} on ${version("@alicloud/openapi-core")}`;
const full = { durationSeconds: 900, policy: JSON.stringify(POLICY), externalId: "a+b=c,.@:/-_d", sourceIdentity: "alice@example.com" };
for (const [name, note, credentials, call] of [
  ["plain", "AssumeRole, what is required", PERMANENT, (c) => c.assumeRole(new Sts.AssumeRoleRequest({ roleArn: ROLE, roleSessionName: "u42@example.com" }))],
  ["full", "AssumeRole, all parameters", PERMANENT, (c) => c.assumeRole(new Sts.AssumeRoleRequest({ roleArn: ROLE, roleSessionName: "u42@example.com", ...full }))],
  ["token", "AssumeRole with a temporary key", TEMPORARY, (c) => c.assumeRole(new Sts.AssumeRoleRequest({ roleArn: ROLE, roleSessionName: "u42@example.com" }))],
  ["identity", "GetCallerIdentity, no parameters", PERMANENT, (c) => c.getCallerIdentity()],
]) {
  const sts = (signatureAlgorithm) =>
    new Sts.default(
      new $OpenApiUtil.Config({
        accessKeyId: credentials.access_key_id,
        accessKeySecret: credentials.access_key_secret,
        securityToken: credentials.security_token,
        regionId: REGION,
        signatureAlgorithm,
      }),
    );
  await headerCase("acs3_v3", `sts-js-${name}`, note, STS, credentials, {}, () => call(sts()));
  await run(() => call(sts("v2")));
  rpcRecord(`sts-js-${name}`, note, STS, credentials);
}

process.stdout.write(`${JSON.stringify(vectors)}\n`, () => process.exit(0));
