/**
 * Uploads straight to Alibaba Cloud OSS with what an oss-vend server vends. No dependency; browsers, and Node 20 or later.
 *
 *     import { createUploader } from "/oss-vend.js";
 *     const uploader = createUploader({ credentials: "/sts" });
 *     const { dir } = await uploader.credentials();
 *     await uploader.put(`${dir}cat.jpg`, file, { onProgress: (sent, size) => bar.value = sent / size });
 */

const MIB = 1024 * 1024;
/** A request is not begun on credentials that have less than this left, in milliseconds: it could reach OSS too late. */
const MARGIN = 15_000;
/** OSS accepts at most so many parts in one upload. */
const MAX_PARTS = 10_000;
/** What OSS says when the credentials, and not the request, are at fault: asking for new ones may help. */
const TOKEN_CODES = ["SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId"];
const HINTS = {
  AccessDenied: "The credentials do not reach this key or this operation: look at the grant's dir and methods.",
  SignatureDoesNotMatch: "The request is not what was signed: its method, key, type, size or another header differs.",
  RequestTimeTooSkewed: "The clock of this device is wrong by more than 15 minutes.",
  Unreachable: "Either there is no network, or the bucket's CORS rules do not allow this page's origin, the method or a header.",
};

/**
 * What `/sts` answers.
 * @typedef {{ AccessKeyId: string, AccessKeySecret: string, SecurityToken?: string, Expiration: string, bucket: string, region: string,
 *   endpoint: string, cname?: boolean, dir?: string, serverTime?: string, refreshAfter?: string }} Credentials
 * @typedef {(sent: number, size: number) => void} OnProgress
 * @typedef {{ key: string, etag: string | null, requestId: string | null }} Stored
 */

/** What OSS refused, or `Unreachable` when there was no answer that the page may read. */
export class OssError extends Error {
  name = "OssError";
  /** @param {{ code: string, message: string, status?: number, requestId?: string, ec?: string, hint?: string }} told */
  constructor({ code, message, status = 0, requestId, ec, hint = HINTS[code] }) {
    super(`${code}: ${message}`);
    Object.assign(this, { code, status, requestId, ec, hint, temporary: isTemporary(status) });
  }
}

/** What the oss-vend server refused (its `application/problem+json`), or code `unreachable`. */
export class VendError extends Error {
  name = "VendError";
  /** @param {{ code: string, detail: string, status?: number, requestId?: string, hint?: string }} problem */
  constructor({ code, detail, status = 0, requestId, hint }) {
    super(`${code}: ${detail}`);
    Object.assign(this, { code, detail, status, requestId, hint, temporary: isTemporary(status) });
  }
}

const isTemporary = (status) => [0, 408, 429].includes(status) || status >= 500;

/**
 * Asks an oss-vend server and returns its JSON.
 * @param {string | URL} url @param {RequestInit} [init] @throws {VendError}
 */
export async function vend(url, init) {
  const answer = await fetch(url, { cache: "no-store", ...init }).catch((cause) => {
    init?.signal?.throwIfAborted();
    throw new VendError({ code: "unreachable", detail: `no answer from ${url}: ${cause.message}` });
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new VendError({ code: "unknown", detail: body.title ?? `${url} answered ${answer.status}`, ...body, status: answer.status });
}

/**
 * An uploader that keeps itself in credentials.
 * @param {object} options
 * @param {string | (() => Promise<Credentials>)} options.credentials the URL of `/sts`, or a function that resolves to its answer
 * @param {RequestInit} [options.request] how to ask that URL: headers, cookies …
 * @param {number} [options.threshold] from how many bytes on a file goes up in parts
 * @param {number} [options.partSize] bytes of a part, 100 KiB at least; larger when the file would need over 10,000 parts
 * @param {number} [options.concurrency] parts under way at once
 * @param {number} [options.retries] how often a request that failed for a passing reason is repeated
 * @param {(exchange: { method: string, url: string, status: number, requestId?: string }) => void} [options.onExchange] hears of every answer of OSS
 */
export function createUploader(options) {
  return new Uploader(options);
}

class Uploader {
  #options;
  #session;

  constructor(options) {
    this.#options = { threshold: 8 * MIB, partSize: 4 * MIB, concurrency: 3, retries: 3, ...options };
    this.#session = new Session(options);
  }

  /** Credentials that are good now, from memory or from the server. @returns {Promise<Credentials>} */
  credentials() {
    return this.#session.credentials();
  }

  /**
   * Stores `blob` under `key`, in parts if it is large. Aborting the signal also removes the parts that were stored;
   * any other failure leaves them, and `error.uploadId` resumes: pass it as `uploadId` with the same file and part size.
   * @param {string} key @param {Blob} blob
   * @param {{ contentType?: string, meta?: Record<string, string>, headers?: Record<string, string>, onProgress?: OnProgress,
   *   signal?: AbortSignal, uploadId?: string, onUploadId?: (id: string) => void }} [options]
   * @returns {Promise<Stored>}
   */
  async put(key, blob, options = {}) {
    const headers = objectHeaders(blob, options);
    const { onProgress, signal } = options;
    if (options.uploadId || blob.size >= this.#options.threshold) return this.#putInParts(key, blob, headers, options);
    const answer = await this.#send("PUT", key, { headers, body: blob, onProgress, signal });
    onProgress?.(blob.size, blob.size);
    return stored(key, answer);
  }

  /**
   * The objects whose keys begin with `prefix` (by default the grant's directory), at most 1,000; `next` continues the list.
   * @param {string} [prefix] @param {{ next?: string, signal?: AbortSignal }} [options]
   * @returns {Promise<{ objects: { key: string, size: number, modified: Date, etag: string }[], next?: string }>}
   */
  async list(prefix, { next, signal } = {}) {
    const query = { "list-type": "2", "encoding-type": "url", "max-keys": "1000" };
    query.prefix = prefix ?? (await this.credentials()).dir ?? "";
    if (!query.prefix) delete query.prefix;
    if (next) query["continuation-token"] = next;
    const { text } = await this.#send("GET", "", { query, signal });
    const objects = elements(text, "Contents").map((xml) => ({
      key: decodeURIComponent(element(xml, "Key")),
      size: Number(element(xml, "Size")),
      modified: new Date(element(xml, "LastModified")),
      etag: element(xml, "ETag"),
    }));
    return { objects, next: element(text, "NextContinuationToken") };
  }

  /** Deletes the object; it is no error if there is none. @param {string} key @param {{ signal?: AbortSignal }} [options] */
  async remove(key, options) {
    await this.#send("DELETE", key, options);
  }

  /**
   * A URL that anyone may use until it expires: after `expires` seconds, or with the credentials if they end sooner.
   * @param {string} key
   * @param {{ method?: string, expires?: number, process?: string, download?: string }} [options]
   *   `process`: image processing; `download`: the file name under which a browser saves it
   */
  async signedUrl(key, { method = "GET", expires = 900, process, download } = {}) {
    const credentials = await this.credentials();
    const now = this.#session.now();
    const left = Math.floor((Date.parse(credentials.Expiration) - now) / 1000);
    const query = {
      "x-oss-signature-version": "OSS4-HMAC-SHA256",
      "x-oss-credential": `${credentials.AccessKeyId}/${scope(credentials.region, stamp(now))}`,
      "x-oss-date": stamp(now),
      "x-oss-expires": String(Math.min(expires, left)),
    };
    if (credentials.SecurityToken) query["x-oss-security-token"] = credentials.SecurityToken;
    if (process) query["x-oss-process"] = process;
    if (download) query["response-content-disposition"] = `attachment; filename*=UTF-8''${encode(download)}`;
    query["x-oss-signature"] = await signature({ method, key, query, headers: {} }, credentials, stamp(now));
    return address(credentials, key, query);
  }

  async #putInParts(key, blob, headers, { onProgress, onUploadId, signal, uploadId }) {
    signal?.throwIfAborted();
    const partSize = Math.max(this.#options.partSize, Math.ceil(blob.size / MAX_PARTS));
    const parts = cut(blob.size, partSize);
    if (uploadId) await this.#findStored(key, uploadId, parts, signal);
    else uploadId = await this.#initiate(key, headers);
    try {
      onUploadId?.(uploadId);
      signal?.throwIfAborted();
      await this.#sendParts(key, uploadId, blob, parts, onProgress, signal);
      return stored(key, await this.#complete(key, uploadId, parts, signal));
    } catch (error) {
      if (!signal?.aborted) throw Object.assign(error, { uploadId });
      await this.#send("DELETE", key, { query: { uploadId } }).catch(() => {});
      throw error;
    }
  }

  /** Without the caller's signal: an upload that was begun must be known by its id, or nobody could remove it. */
  async #initiate(key, headers) {
    const { text } = await this.#send("POST", key, { query: { uploads: "" }, headers });
    return element(text, "UploadId");
  }

  /** Marks the parts that OSS has already; a part of another size than ours is sent again. */
  async #findStored(key, uploadId, parts, signal) {
    for (let marker = "0"; marker; ) {
      const { text } = await this.#send("GET", key, { query: { uploadId, "part-number-marker": marker }, signal });
      for (const xml of elements(text, "Part")) {
        const part = parts[Number(element(xml, "PartNumber")) - 1];
        if (part && part.end - part.start === Number(element(xml, "Size"))) part.etag = element(xml, "ETag");
      }
      marker = element(text, "IsTruncated") === "true" ? element(text, "NextPartNumberMarker") : undefined;
    }
  }

  async #sendParts(key, uploadId, blob, parts, onProgress, signal) {
    const sent = parts.map((part) => (part.etag === undefined ? 0 : part.end - part.start));
    const waiting = parts.filter((part) => part.etag === undefined);
    const report = onProgress && ((index, bytes) => {
      sent[index] = bytes;
      onProgress(sent.reduce((sum, one) => sum + one, 0), blob.size);
    });
    const stop = linked(signal);
    const work = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        const { number, start, end } = part;
        const answer = await this.#send("PUT", key, {
          query: { partNumber: String(number), uploadId },
          headers: { "content-type": "application/octet-stream" },
          body: blob.slice(start, end),
          onProgress: report && ((bytes) => report(number - 1, bytes)),
          signal: stop.signal,
        });
        part.etag = answer.header("etag");
        report?.(number - 1, end - start);
      }
    };
    const workers = Array.from({ length: this.#options.concurrency }, () => work().catch((error) => (stop.abort(error), Promise.reject(error))));
    await Promise.allSettled(workers); // none may still send when the upload is aborted or resumed
    stop.release();
    signal?.throwIfAborted();
    await Promise.all(workers);
  }

  /** A page that may not read ETag (the bucket's CORS rules do not expose it) lets OSS take the parts that it has. */
  #complete(key, uploadId, parts, signal) {
    const query = { uploadId };
    if (parts.some((part) => !part.etag)) return this.#send("POST", key, { query, headers: { "x-oss-complete-all": "yes" }, signal });
    const list = parts.map(({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
    const body = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
    return this.#send("POST", key, { query, headers: { "content-type": "application/xml" }, body, signal });
  }

  /** Signs and sends; once it asks for new credentials, once it corrects the clock, and passing failures it repeats. */
  async #send(method, key, { query = {}, headers = {}, body, onProgress, signal } = {}) {
    const mended = new Set();
    for (let failures = 0; ; ) {
      let credentials;
      try {
        credentials = await this.#session.credentials();
        const signed = await this.#sign({ method, key, query, headers }, credentials);
        const url = address(credentials, key, query);
        return await exchange({ method, url, headers: signed, body, onProgress, signal }, this.#options.onExchange);
      } catch (error) {
        signal?.throwIfAborted();
        const cure = this.#cure(error, credentials);
        if (cure && !mended.has(cure)) mended.add(cure);
        else if (error.temporary && failures < this.#options.retries) await pause(2 ** failures++ * 500, signal);
        else throw error;
      }
    }
  }

  async #sign(request, credentials) {
    const date = stamp(this.#session.now());
    const headers = { ...request.headers, "x-oss-date": date, "x-oss-content-sha256": "UNSIGNED-PAYLOAD" };
    if (credentials.SecurityToken) headers["x-oss-security-token"] = credentials.SecurityToken;
    const proof = await signature({ ...request, headers }, credentials, date);
    const who = `${credentials.AccessKeyId}/${scope(credentials.region, date)}`;
    return { ...headers, authorization: `OSS4-HMAC-SHA256 Credential=${who},Signature=${proof}` };
  }

  /** Removes the cause of a refusal, where that is ours, and names it. */
  #cure(error, credentials) {
    if (TOKEN_CODES.includes(error.code)) {
      this.#session.drop(credentials);
      return "token";
    }
    if (error.code !== "RequestTimeTooSkewed" || !error.serverTime) return undefined;
    this.#session.setTime(error.serverTime);
    return "clock";
  }
}

/** Holds credentials, renews them once for all who ask, and tells the server's time. */
class Session {
  #load;
  #held;
  #flight;
  #renewAt;
  #offset = 0;

  constructor({ credentials, request }) {
    this.#load = typeof credentials === "function" ? credentials : () => vend(credentials, request);
  }

  now() {
    return Date.now() + this.#offset;
  }

  setTime(time) {
    this.#offset = time - Date.now();
  }

  /** Forgets `refused`, if it is still what is held. */
  drop(refused) {
    if (this.#held === refused) this.#held = undefined;
  }

  async credentials() {
    const held = this.#held;
    if (held && this.now() < this.#renewAt) return held;
    const flight = (this.#flight ??= this.#renew().finally(() => (this.#flight = undefined)));
    if (!held || this.now() >= Date.parse(held.Expiration) - MARGIN) return flight;
    flight.catch(() => {}); // what is held is good for a while, and the next request tries again
    return held;
  }

  async #renew() {
    this.#renewAt = this.now() + 10_000; // not with every request while the server fails
    const asked = Date.now();
    const fresh = await this.#load();
    if (fresh.serverTime) this.#offset = Date.parse(fresh.serverTime) - (asked + Date.now()) / 2;
    const end = Date.parse(fresh.Expiration);
    const due = fresh.refreshAfter ? Date.parse(fresh.refreshAfter) : end - 300_000;
    this.#renewAt = Math.min(Math.max(due, this.now() + 10_000), end - MARGIN);
    return (this.#held = fresh);
  }
}

/**
 * Posts `file` with the form that `/post-signature` answered.
 * @param {{ url: string, fields: Record<string, string> }} answer @param {Blob} file
 * @param {{ onProgress?: OnProgress, signal?: AbortSignal }} [options] @returns {Promise<Stored>}
 */
export async function putForm({ url, fields }, file, { onProgress, signal } = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  const answer = await exchange({ method: "POST", url, headers: {}, body, onProgress, signal });
  onProgress?.(file.size, file.size);
  return stored(fields.key.replace("${filename}", () => file.name ?? "blob"), answer);
}

/**
 * Sends `blob` to the URL that `/presigned-url` answered, with the headers it names and no other.
 * @param {{ method?: string, url: string, headers?: Record<string, string>, key?: string }} answer @param {Blob} blob
 * @param {{ onProgress?: OnProgress, signal?: AbortSignal }} [options] @returns {Promise<Stored>}
 */
export async function putSigned({ method = "PUT", url, headers = {}, key = "" }, blob, { onProgress, signal } = {}) {
  const body = blob.slice(); // it has no type, so that no Content-Type is added which was not signed
  const answer = await exchange({ method, url, headers, body, onProgress, signal });
  onProgress?.(blob.size, blob.size);
  return stored(key, answer);
}

const stored = (key, { header, requestId }) => ({ key, etag: header("etag"), requestId });

function objectHeaders(blob, { contentType, headers = {}, meta = {} }) {
  const all = { "content-type": contentType || blob.type || "application/octet-stream" };
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value;
  for (const [name, value] of Object.entries(meta)) all[`x-oss-meta-${name.toLowerCase()}`] = value;
  const odd = Object.keys(all).find((name) => /[^\x20-\x7e]/.test(all[name]));
  if (odd) throw new TypeError(`${odd} may hold ASCII only; use encodeURIComponent`);
  return all;
}

/** The parts of `size` bytes, numbered from 1. */
function cut(size, partSize) {
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, i) => ({ number: i + 1, start: i * partSize, end: Math.min(size, (i + 1) * partSize) }));
}

/* --- the wire --- */

/** One request; resolves for success only. XMLHttpRequest alone tells how much of a body has gone. */
async function exchange(request, heard) {
  request.signal?.throwIfAborted();
  const carry = request.onProgress && globalThis.XMLHttpRequest ? byXhr : byFetch;
  const { status, header, text } = await carry(request);
  const requestId = header("x-oss-request-id");
  heard?.({ method: request.method, url: request.url, status, requestId });
  if (status < 300 && status !== 203) return { header, text, requestId }; // 203: the callback failed
  const error = new OssError({
    code: element(text, "Code") ?? `Http${status}`,
    message: element(text, "Message") ?? `OSS answered ${status}`,
    status,
    requestId: element(text, "RequestId") ?? requestId,
    ec: element(text, "EC"),
  });
  throw Object.assign(error, { serverTime: Date.parse(element(text, "ServerTime") ?? header("date")) || undefined });
}

async function byFetch({ method, url, headers, body, signal }) {
  try {
    const answer = await fetch(url, { method, headers, body, signal, cache: "no-store" });
    return { status: answer.status, header: (name) => answer.headers.get(name), text: await answer.text() };
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable(url, cause.cause?.message ?? cause.message);
  }
}

function byXhr({ method, url, headers, body, onProgress, signal }) {
  const xhr = new XMLHttpRequest();
  const abort = () => xhr.abort();
  signal?.addEventListener("abort", abort);
  return new Promise((resolve, reject) => {
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => onProgress(Math.min(loaded, body.size ?? loaded), body.size ?? total);
    xhr.onload = () => resolve({ status: xhr.status, header: (name) => xhr.getResponseHeader(name), text: xhr.responseText });
    xhr.onerror = () => reject(unreachable(url, "the connection failed"));
    xhr.onabort = () => reject(signal.reason);
    xhr.send(body);
  }).finally(() => signal?.removeEventListener("abort", abort));
}

const unreachable = (url, why) => new OssError({ code: "Unreachable", message: `no answer from ${new URL(url).host} (${why})` });

/** A controller that follows `signal` until it is released. */
function linked(signal) {
  const controller = new AbortController();
  const follow = () => controller.abort(signal.reason);
  signal?.addEventListener("abort", follow);
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => signal?.removeEventListener("abort", follow),
  };
}

/** Waits for half of `milliseconds` up to the whole, so that many clients do not come back at once. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds * (0.5 + Math.random() / 2));
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/** Texts of the elements called `name`; OSS's answers are flat enough to be read without a parser, which Node has not. */
const elements = (xml, name) => [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(([, text]) => text);
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#34": '"', "#39": "'" };
const element = (xml, name) => elements(xml, name)[0]?.replace(/&(#?\w+);/g, (all, entity) => ENTITIES[entity] ?? all);

/* --- addresses and signature V4 --- */

/** RFC 3986: all but the unreserved characters. */
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const encodePath = (path) => path.split("/").map(encode).join("/");
const encodeQuery = (query) =>
  Object.entries(query).map(([name, value]) => [encode(name), encode(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value ? `${name}=${value}` : name))
    .join("&");

/** A custom domain stands for its bucket; an IP address cannot have the bucket in front, so it gets it in the path. */
function address({ bucket, endpoint, cname }, key, query) {
  if (/^[/\\]|(^|\/)\.\.?(\/|$)/.test(key)) throw new TypeError(`a key may not begin with a slash, nor have "." or ".." as a part: ${key}`);
  const base = new URL(endpoint);
  const isBare = /^(\d+(\.\d+){3}|\[.*\]|localhost)$/.test(base.hostname);
  const host = cname || isBare ? base.host : `${bucket}.${base.host}`;
  const path = isBare && !cname ? `${bucket}/${encodePath(key)}` : encodePath(key);
  const search = encodeQuery(query);
  return `${base.protocol}//${host}/${path}${search && `?${search}`}`;
}

/** `20250214T080910Z`. */
const stamp = (time) => new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
const scope = (region, date) => `${date.slice(0, 8)}/${region}/oss/aliyun_v4_request`;

/**
 * OSS4-HMAC-SHA256, in hexadecimal. The resource names the bucket whether or not the address does.
 * @param {{ method: string, key: string, query: Record<string, string>, headers: Record<string, string> }} request header names in lower case
 * @param {Pick<Credentials, "AccessKeySecret" | "bucket" | "region">} credentials
 * @param {string} date as in `x-oss-date`
 */
export async function signature({ method, key, query, headers }, { AccessKeySecret, bucket, region }, date) {
  if (!globalThis.crypto?.subtle) throw new TypeError("this page cannot sign: browsers have WebCrypto on https and localhost only");
  const names = Object.keys(headers).filter((name) => /^(content-type|content-md5|x-oss-.*)$/.test(name)).sort();
  const lines = names.map((name) => `${name}:${headers[name].trim()}\n`).join("");
  const request = [method, encodePath(`/${bucket}/${key}`), encodeQuery(query), lines, "", "UNSIGNED-PAYLOAD"].join("\n");
  const digest = hex(await crypto.subtle.digest("SHA-256", utf8(request)));
  const text = ["OSS4-HMAC-SHA256", date, scope(region, date), digest].join("\n");
  let mac = utf8(`aliyun_v4${AccessKeySecret}`);
  for (const step of [...scope(region, date).split("/"), text]) mac = await hmac(mac, step);
  return hex(mac);
}

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function hmac(secret, text) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", key, utf8(text));
}
