// Has the official JavaScript SDKs sign some hundreds of requests with chance input, always the same, for `../generated.rs`.
//
//     node generate.mjs NODE_MODULES OUT_DIR
//
// A case holds what was asked for and what the SDK made of it, no stage between: the hand-made cases of `make.mjs` have those.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";

const [modules, out] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, "from-here.js"));
const COUNT = { v1: 200, v4: 200, post_v1: 120, post_v4: 120, rpc: 70, acs3: 120 }; // "rpc" is of each SDK

// Time stands where a case sets it, and chance is what the seed says, before any SDK is loaded.
let now = 0;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [now * 1000] : given));
  }
  static now() {
    return now * 1000;
  }
};
let state = 1;
Math.random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let bits = Math.imul(state ^ (state >>> 15), 1 | state);
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
};
os.hostname = () => "vectors";
Object.defineProperty(process, "pid", { value: 1 });
console.warn = () => {};

// What would have been sent, by ali-oss and by the others.
let sent;
const urllib = {
  async request(url, { method, headers, content }) {
    sent = { method, url, headers, body: content?.toString() ?? "" };
    return { status: 200, data: Buffer.from("{}"), headers: {}, res: { headers: {} } };
  },
};
const httpx = require("httpx");
httpx.request = async (url, { method = "GET", headers, data }) => {
  sent = { method, url: url.replace(/^HTTPS:/, "https:"), headers, body: data?.toString() ?? "" };
  return Object.assign(Readable.from([Buffer.from("{}")]), { statusCode: 200, headers: {} });
};
httpx.read = async () => "{}";

const OSS = require("ali-oss");
const PopCore = require("@alicloud/pop-core");
const Sts = require("@alicloud/sts20150401");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const version = (name) => `${name}@${require(`${name}/package.json`).version}`;

async function run(call) {
  sent = undefined;
  try {
    return await call();
  } catch (error) {
    if (!sent) throw error; // what the SDK makes of our empty answer does not matter
  }
}

// Chance.

const often = (share = 0.5) => Math.random() < share;
const between = (low, high) => low + Math.floor(Math.random() * (high - low + 1));
const choice = (list) => list[Math.floor(Math.random() * list.length)];
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"];
const SIGNS = [..." !\"#$%&'()*+,-.:;<=>?@[]^_`{|}~"];
const FAR = [..."é ñ目录文件（）测试😀👍🏽한б"];
const text = (longest, letters, shortest = 1) => Array.from({ length: between(shortest, longest) }, () => choice(letters)).join("");
/** Any text: half of it plain, so that it stays readable. */
const any = (longest) => text(longest, choice([LETTERS, [...LETTERS, ...SIGNS], [...LETTERS, ...SIGNS, ...FAR]]));
const some = (pairs) => Object.fromEntries(pairs.filter(() => often(0.3)).map(([name, value]) => [name, typeof value === "function" ? value() : value]));

/** A key that no URL library rewrites, and that ali-oss takes. */
function objectKey() {
  const parts = Array.from({ length: between(1, 4) }, () => any(14));
  const key = parts.map((part) => (/^\.{1,2}$/.test(part) ? "dots" : part)).join("/");
  return key.startsWith("?") ? `q${key}` : key;
}

function credentials() {
  const secret = text(40, [...LETTERS, ..."+/=%~-_."], 16);
  if (often()) return { access_key_id: `LTAI${text(20, LETTERS)}`, access_key_secret: secret };
  const token = `CAIS${text(120, [...LETTERS, ..."+/=%&"])}==`;
  return { access_key_id: `STS.${text(20, LETTERS)}`, access_key_secret: secret, security_token: token };
}

function begin(seed) {
  state = seed;
  now = between(1577836800, 4102444799); // 2020 to 2099
  return { now, ...credentials() };
}

// ali-oss: signed URLs and forms

const ALI_OSS = version("ali-oss");
const REGIONS = ["cn-hangzhou", "cn-beijing", "ap-southeast-1", "us-west-1", "cn-shanghai-finance-1"];
const BUCKETS = ["examplebucket", "a-1", "x".repeat(63)];

function address(bucket, region) {
  const secure = often(0.7);
  const scheme = secure ? "https" : "http";
  const place = choice(["public", "public", "internal", "accelerate", "cname"]);
  if (place === "cname") return { base: `${scheme}://static.example.com`, options: { cname: true, endpoint: `${scheme}://static.example.com` } };
  if (place === "accelerate") return { base: `${scheme}://${bucket}.oss-accelerate.aliyuncs.com`, options: { endpoint: `${scheme}://oss-accelerate.aliyuncs.com` } };
  const internal = place === "internal";
  return { base: `${scheme}://${bucket}.oss-${region}${internal ? "-internal" : ""}.aliyuncs.com`, options: { secure, internal } };
}

function client(asked, bucket, region, options = {}) {
  return new OSS({
    accessKeyId: asked.access_key_id,
    accessKeySecret: asked.access_key_secret,
    stsToken: asked.security_token,
    refreshSTSToken: async () => ({}),
    refreshSTSTokenInterval: 1e12,
    region: `oss-${region}`,
    bucket,
    urllib,
    ...options,
  });
}

function urlInput() {
  const query = some([
    ["x-oss-process", () => `image/resize,w_${between(1, 999)}/rotate,90`],
    ["response-content-disposition", () => `attachment; filename="${any(12)}"`],
    ["response-content-type", "text/plain; charset=utf-8"],
    ["response-cache-control", "no-cache"],
    ["x-oss-traffic-limit", () => String(between(245760, 838860800))],
    ["versionId", () => text(40, LETTERS)],
  ]);
  if (often(0.2)) Object.assign(query, { partNumber: String(between(1, 10000)), uploadId: text(32, [..."0123456789ABCDEF"]) });
  const headers = some([
    ["Content-Type", () => choice(["image/png", "text/plain; charset=utf-8", "application/x-a+b"])],
    ["Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="],
    ["x-oss-meta-author", () => text(12, [...LETTERS, ..."-_.,;:=%+ "]).trim() || "a"],
    ["x-oss-storage-class", "IA"],
    ["x-oss-forbid-overwrite", "true"],
  ]);
  return { method: choice(["GET", "PUT", "HEAD", "DELETE", "POST"]), key: objectKey(), query, headers, expires_in: between(1, 604800) };
}

async function url(v4, seed) {
  const asked = { sdk: ALI_OSS, ...begin(seed) };
  const [bucket, region] = [choice(BUCKETS), choice(REGIONS)];
  const { base, options } = address(bucket, region);
  const input = urlInput();
  const oss = client(asked, bucket, region, { ...options, authorizationV4: v4 });
  const { method, key, query, headers, expires_in } = input;
  const more = v4 ? some([["Content-Length", "1000"], ["Range", "bytes=0-9"], ["Content-Disposition", "inline"]]) : {};
  const signed = v4
    ? await run(() => oss.signatureUrlV4(method, expires_in, { headers: { ...headers, ...more }, queries: { ...query } }, key, Object.keys(more)))
    : oss.signatureUrl(key, { method, expires: expires_in, ...headers, subResource: { ...query } });
  const additional = Object.keys(more).map((name) => name.toLowerCase()).sort();
  return { ...asked, bucket, region, base, ...input, headers: { ...headers, ...more }, additional, url: signed };
}

/** A policy laid out as this project lays it out: the SDK signs the text it is given. */
function conditions(bucket) {
  const escaped = (value) => value.replaceAll("$", "\\$");
  const key = often() ? { key: escaped(objectKey()) } : ["starts-with", "$key", escaped(`${objectKey()}/`)];
  const types = Array.from({ length: between(1, 4) }, () => `${text(8, LETTERS)}/${text(8, [...LETTERS, ..."+.-"])}`);
  const low = between(0, 1000);
  const free = [
    ["content-length-range", low, low + between(0, 5e9)],
    [choice(["in", "not-in"]), "$content-type", types],
    { success_action_status: choice(["200", "201", "204"]) },
    { "x-oss-forbid-overwrite": "true" },
    { "x-oss-meta-author": escaped(any(16)) },
    ["starts-with", "$content-disposition", choice(["", "attachment"])],
    ["not-in", "$cache-control", ["no-cache", "no-store"]],
  ];
  return [{ bucket }, key, ...free.filter(() => often(0.6))];
}

async function form(v4, seed) {
  const asked = { sdk: ALI_OSS, ...begin(seed) };
  const [bucket, region] = [choice(BUCKETS), choice(REGIONS)];
  const wanted = conditions(bucket);
  const expiration = new Date((now + between(1, 86400)) * 1000 + between(0, 999)).toISOString();
  const token = asked.security_token && { "x-oss-security-token": asked.security_token };
  const oss = client(asked, bucket, region, { authorizationV4: v4 });
  const about = { ...asked, region, expiration, conditions: wanted };
  if (!v4) return { ...about, fields: { ...oss.calculatePostSignature({ expiration, conditions: wanted }), ...token } };
  const date = new Date();
  const compact = date.toISOString().replace(/[-:]|\.\d+/g, "");
  const proof = {
    "x-oss-date": compact,
    "x-oss-signature-version": "OSS4-HMAC-SHA256",
    "x-oss-credential": `${asked.access_key_id}/${compact.slice(0, 8)}/${region}/oss/aliyun_v4_request`,
    ...token,
  };
  const document = { expiration, conditions: [...wanted, ...Object.entries(proof).map(([name, value]) => ({ [name]: value.replaceAll("$", "\\$") }))] };
  const signature = oss.signPostObjectPolicyV4(document, date);
  const policy = Buffer.from(JSON.stringify(document)).toString("base64");
  return { ...about, fields: { policy, ...proof, "x-oss-signature": signature } };
}

// STS: what is asked of AssumeRole, by the names on the wire

function role() {
  const name = [...LETTERS, ..."@_-."];
  const policy = { Version: "1", Statement: [{ Effect: "Allow", Action: ["oss:PutObject"], Resource: [`acs:oss:*:*:${choice(BUCKETS)}/${objectKey()}/*`] }] };
  const optional = some([
    ["DurationSeconds", () => String(between(900, 43200))],
    ["Policy", () => JSON.stringify(policy, null, choice([undefined, 1]))],
    ["ExternalId", () => `x${text(30, [...LETTERS, ..."=,.@:/-_+"])}`],
    ["SourceIdentity", () => `si${text(20, name)}`],
  ]);
  return { RoleArn: `acs:ram::${text(16, [..."0123456789"], 16)}:role/r${text(20, name)}`, RoleSessionName: `s${text(30, name)}x`, ...optional };
}

/** Parsed; no name may occur twice, else a map would hide one. */
function parameters({ url, body }) {
  const found = [...new URL(url).searchParams, ...new URLSearchParams(body)];
  const parsed = Object.fromEntries(found);
  if (Object.keys(parsed).length !== found.length) throw new Error(url);
  return parsed;
}

async function rpcCase(sdk, asked, wanted, call) {
  await run(call);
  const { method } = sent;
  return { sdk, ...asked, nonce: parameters(sent).SignatureNonce, role: wanted, method, parameters: parameters(sent) };
}

function aliOssSts(seed) {
  const { security_token, ...asked } = begin(seed); // it has no place for a token
  const wanted = role();
  delete wanted.ExternalId;
  delete wanted.SourceIdentity;
  wanted.DurationSeconds ??= "3600";
  if (wanted.Policy) wanted.Policy = JSON.stringify(JSON.parse(wanted.Policy));
  const sts = new OSS.STS({ accessKeyId: asked.access_key_id, accessKeySecret: asked.access_key_secret, urllib });
  const { RoleArn, Policy, DurationSeconds, RoleSessionName } = wanted;
  return rpcCase(ALI_OSS, asked, wanted, () => sts.assumeRole(RoleArn, Policy, Number(DurationSeconds), RoleSessionName));
}

function popCore(seed) {
  const asked = begin(seed);
  const wanted = role();
  const rpc = new PopCore.RPCClient({
    accessKeyId: asked.access_key_id,
    accessKeySecret: asked.access_key_secret,
    securityToken: asked.security_token,
    endpoint: "https://sts.cn-hangzhou.aliyuncs.com",
    apiVersion: "2015-04-01",
  });
  const method = choice(["GET", "POST"]);
  return rpcCase(version("@alicloud/pop-core"), asked, wanted, () => rpc.request("AssumeRole", { ...wanted }, { method }));
}

const STS = `${version("@alicloud/sts20150401")} on ${version("@alicloud/openapi-core")}`;

function sts(asked, wanted, signatureAlgorithm) {
  const config = new $OpenApiUtil.Config({
    accessKeyId: asked.access_key_id,
    accessKeySecret: asked.access_key_secret,
    securityToken: asked.security_token,
    regionId: choice(REGIONS),
    signatureAlgorithm,
  });
  const request = new Sts.AssumeRoleRequest({
    roleArn: wanted.RoleArn,
    roleSessionName: wanted.RoleSessionName,
    durationSeconds: wanted.DurationSeconds && Number(wanted.DurationSeconds),
    policy: wanted.Policy,
    externalId: wanted.ExternalId,
    sourceIdentity: wanted.SourceIdentity,
  });
  return new Sts.default(config).assumeRole(request);
}

function stsRpc(seed) {
  const asked = begin(seed);
  const wanted = role();
  return rpcCase(STS, asked, wanted, () => sts(asked, wanted, "v2"));
}

async function acs3(seed) {
  const asked = begin(seed);
  const wanted = role();
  await run(() => sts(asked, wanted));
  const all = Object.fromEntries(Object.entries(sent.headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const { authorization } = all;
  const signed = /SignedHeaders=([^,]*)/.exec(authorization)[1].split(";");
  const headers = Object.fromEntries(signed.map((name) => [name, all[name] ?? (name === "host" && new URL(sent.url).host)]));
  if (sent.body) throw new Error("an ACS3 call has no body");
  return { sdk: STS, ...asked, nonce: all["x-acs-signature-nonce"], role: wanted, method: sent.method, query: parameters(sent), headers, authorization };
}

async function write(name, makers, count) {
  const lines = [];
  for (const [nth, maker] of makers.entries())
    for (let at = 0; at < count; at++) lines.push(JSON.stringify(await maker(1_000_003 * (at + 1) + 7919 * nth)));
  writeFileSync(path.join(out, `generated_node_${name}.json`), `[\n${lines.join(",\n")}\n]\n`);
  process.stdout.write(`generated_node_${name}: ${lines.length}\n`);
}

await write("v1", [(seed) => url(false, seed)], COUNT.v1);
await write("v4", [(seed) => url(true, seed)], COUNT.v4);
await write("post_v1", [(seed) => form(false, seed)], COUNT.post_v1);
await write("post_v4", [(seed) => form(true, seed)], COUNT.post_v4);
await write("rpc", [aliOssSts, popCore, stsRpc], COUNT.rpc);
await write("acs3", [acs3], COUNT.acs3);
process.exit(0);
