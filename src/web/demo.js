/** The demo page of `oss-vend dev`: three ways to upload, and what was said on the way. */

import { createUploader, OssError, putForm, putSigned, vend, VendError } from "/oss-vend.js";

const $ = (id) => document.getElementById(id);
const PICTURE = /\.(avif|bmp|gif|jpe?g|png|svg|webp)$/i;
/** Names whose values would be worth stealing from a screenshot. */
const SECRET = /^(AccessKeySecret|SecurityToken|Authorization|policy|signature|.*-signature|.*-(security-)?token)$/i;

const uploaders = new Map();
let apiKeys = new Map();
let running;
let listing;

start();

async function start() {
  $("upload").addEventListener("submit", (event) => (event.preventDefault(), act(upload)));
  $("cancel").addEventListener("click", () => running?.abort());
  $("reload").addEventListener("click", () => act(list));
  for (const id of ["caller", "grant"]) $(id).addEventListener("change", () => act(list));
  $("file").addEventListener("change", () => choose($("file").files[0]));
  $("close").addEventListener("click", () => $("viewer").close());
  $("viewer").addEventListener("close", () => $("preview").removeAttribute("src"));
  $("copy").addEventListener("click", copyLink);
  acceptDrops();
  try {
    const { callers, grants } = await vend("/dev.json");
    apiKeys = new Map(callers.map(({ id, apiKey }) => [id, apiKey]));
    $("caller").replaceChildren(...callers.map(({ id }) => new Option(id, id)), new Option("anyone (no API key)", ""));
    $("grant").replaceChildren(...grants.map((name) => new Option(name, name, name === "default", name === "default")));
    await act(list);
  } catch (error) {
    showError(error, "This page needs “oss-vend dev”, which tells it the demo’s callers and grants.");
  }
}

/** Runs one action of the user: what was said before is cleared, and a failure is shown. */
async function act(action) {
  $("trace").replaceChildren();
  $("notice").replaceChildren();
  try {
    await action();
  } catch (error) {
    showError(error);
  }
  $("trace-note").hidden = $("trace").childElementCount > 0;
}

/* --- upload --- */

function choose(file) {
  $("chosen").replaceChildren(file ? make("strong", {}, file.name) : make("strong", {}, "Choose a file"), file ? ` ${bytes(file.size)}` : "");
}

function acceptDrops() {
  const drop = $("drop");
  const mark = (event) => {
    event.preventDefault();
    drop.classList.toggle("over", event.type === "dragover");
  };
  for (const type of ["dragover", "dragleave", "drop"]) drop.addEventListener(type, mark);
  drop.addEventListener("drop", ({ dataTransfer }) => {
    if (!dataTransfer.files.length) return;
    $("file").files = dataTransfer.files;
    choose(dataTransfer.files[0]);
  });
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault()); // a miss must not leave the page
}

async function upload() {
  const file = $("file").files[0];
  const way = document.querySelector("[name=way]:checked").value;
  running = new AbortController();
  setBusy(true);
  try {
    const options = { onProgress: progressFrom(performance.now()), signal: running.signal };
    options.onProgress(0, file.size);
    const began = performance.now();
    const { key } = await { sts: putWithCredentials, form: putWithForm, url: putWithUrl }[way](file, options);
    const seconds = Math.max(0.01, (performance.now() - began) / 1000);
    show("success", `Stored ${key}`, `${bytes(file.size)} in ${seconds.toFixed(2)} s`);
    await list(key);
  } catch (error) {
    if (!running.signal.aborted) throw error;
    show("success", "Cancelled", "Nothing was stored.");
  } finally {
    running = undefined;
    setBusy(false);
  }
}

async function putWithCredentials(file, options) {
  const { uploader, traceHeld } = uploaderOf();
  const { dir = "" } = await uploader.credentials();
  traceHeld();
  return uploader.put(dir + ($("keep-name").checked ? file.name : madeName(file)), file, options);
}

async function putWithForm(file, options) {
  const answer = await ask("/post-signature", await wish(file), options.signal);
  return traced("POST", answer.url, putForm(answer, file, options));
}

async function putWithUrl(file, options) {
  const answer = await ask("/presigned-url", { method: "PUT", ...(await wish(file)) }, options.signal);
  return traced("PUT", answer.url, putSigned(answer, file, options));
}

/** What is asked of the server for this file. */
async function wish(file) {
  const same = { contentType: file.type || "application/octet-stream", size: file.size };
  if (!$("keep-name").checked) return { filename: file.name, ...same };
  const { dir = "" } = await uploaderOf().uploader.credentials();
  return { key: dir + file.name, ...same };
}

const madeName = ({ name }) => crypto.randomUUID() + (/\.[^.]{1,10}$/.exec(name)?.[0] ?? "");

function setBusy(busy) {
  $("send").disabled = $("reload").disabled = $("caller").disabled = $("grant").disabled = busy;
  $("cancel").hidden = !busy;
  $("progress").hidden = !busy;
  if (busy) $("cancel").focus();
  else $("send").focus();
}

function progressFrom(began) {
  return (sent, size) => {
    const seconds = (performance.now() - began) / 1000;
    const speed = seconds > 0.5 ? ` · ${bytes(sent / seconds)}/s` : "";
    $("bar").value = size ? sent / size : 1;
    $("progress-text").textContent = `${bytes(sent)} of ${bytes(size)}${speed}`;
  };
}

/* --- objects --- */

async function list(newKey) {
  const mine = (listing = Symbol("the latest list; what an earlier one still brings is dropped"));
  const { uploader } = uploaderOf();
  $("objects").hidden = true;
  $("objects-note").textContent = "…";
  $("dir").textContent = "";
  try {
    const { dir = "" } = await uploader.credentials();
    const { objects, next } = await uploader.list(dir);
    if (mine !== listing) return;
    $("dir").textContent = dir;
    $("objects-note").textContent = next ? "The first 1,000:" : objects.length ? "" : "Nothing here yet.";
    objects.sort((a, b) => b.modified - a.modified);
    $("objects").tBodies[0].replaceChildren(...objects.map((object) => row(object, dir, object.key === newKey)));
    $("objects").hidden = objects.length === 0;
  } catch (error) {
    if (mine !== listing) return;
    $("objects-note").textContent = "The list cannot be had with this caller and grant.";
    throw error;
  }
}

function row({ key, size, modified }, dir, isNew) {
  const name = key.startsWith(dir) ? key.slice(dir.length) : key;
  const open = make("button", { type: "button", className: "link", title: key, onclick: () => act(() => view(key, name)) }, name);
  const remove = make("button", { type: "button", ariaLabel: `Delete ${name}`, onclick: () => act(() => discard(key, name)) }, "Delete");
  return make("tr", { className: isNew ? "new" : "" },
    make("th", { scope: "row" }, open),
    make("td", { className: "number" }, bytes(size)),
    make("td", {}, make("time", { dateTime: modified.toISOString() }, modified.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }))),
    make("td", { className: "actions" }, remove));
}

async function discard(key, name) {
  if (!confirm(`Delete ${name}?`)) return;
  await uploaderOf().uploader.remove(key);
  await list();
}

/** Shows one object by signed GETs: a link that saves it and, for a picture, one that shows it. */
async function view(key, name) {
  const disposition = `attachment; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`;
  const saved = await ask("/presigned-url", { method: "GET", key, responseContentDisposition: disposition });
  const shown = PICTURE.test(name) ? await ask("/presigned-url", { method: "GET", key }) : undefined;
  $("viewer-title").textContent = name;
  $("download").href = $("link").value = saved.url;
  $("link-end").textContent = clock(saved.expiration);
  $("preview").hidden = !shown;
  $("preview-note").hidden = true;
  if (shown) showPicture(shown.url, name);
  $("copy").textContent = "Copy link";
  $("viewer").showModal();
}

function showPicture(url, name) {
  const picture = $("preview");
  picture.onerror = () => {
    picture.hidden = true;
    $("preview-note").hidden = false;
    $("preview-note").textContent = "The browser cannot show this picture.";
  };
  picture.alt = `Preview of ${name}`;
  picture.src = url;
}

async function copyLink() {
  $("link").select();
  await navigator.clipboard?.writeText($("link").value).catch(() => document.execCommand("copy"));
  $("copy").textContent = "Copied";
}

/* --- the server --- */

/** One uploader for each caller and grant, so that credentials are kept and never mixed. */
function uploaderOf() {
  const name = `${$("caller").value} ${$("grant").value}`;
  if (!uploaders.has(name)) uploaders.set(name, makeUploader($("grant").value));
  return uploaders.get(name);
}

function makeUploader(grant) {
  let held;
  const credentials = async () => {
    const answer = await ask("/sts", { grant });
    held = { request: `GET /sts?grant=${grant}`, answer, item: $("trace").lastElementChild };
    return answer;
  };
  const onExchange = ({ method, url, status, requestId }) => trace(`${method} ${shortUrl(url)}`, status, requestId && `request id ${requestId}`);
  const traceHeld = () => held.item.isConnected || trace(held.request, `held until ${clock(held.answer.Expiration)}`, pretty(held.answer));
  return { uploader: createUploader({ credentials, onExchange }), traceHeld };
}

/** Asks the server as the chosen caller, and leaves a trace of it. */
async function ask(path, wanted, signal) {
  const query = new URLSearchParams({ grant: $("grant").value, ...wanted });
  const apiKey = apiKeys.get($("caller").value);
  const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
  const request = `GET ${path}?${query}`;
  const said = apiKey ? `Authorization: Bearer ${short(apiKey)}\n\n` : "";
  try {
    const answer = await vend(`${path}?${query}`, { headers, signal });
    trace(request, 200, said + pretty(answer));
    return answer;
  } catch (error) {
    const { code, detail, hint, requestId } = error;
    trace(request, error.status || "no answer", said + pretty({ code, detail, hint, requestId }));
    throw error;
  }
}

/** Leaves a trace of a request to OSS that the module made for us. */
async function traced(method, url, work) {
  const line = `${method} ${shortUrl(url)}`;
  try {
    const stored = await work;
    trace(line, 200, stored.requestId && `request id ${stored.requestId}`);
    return stored;
  } catch (error) {
    if (error instanceof OssError) trace(line, error.status || "no answer", `${error.message}\nrequest id ${error.requestId ?? "unknown"}`);
    throw error;
  }
}

/* --- showing --- */

function trace(request, status, said) {
  const good = !(status >= 300 || status === "no answer");
  const summary = [make("code", {}, request), " ", make("span", { className: good ? "status" : "status bad" }, String(status))];
  const body = said ? make("details", {}, make("summary", {}, ...summary), make("pre", { tabIndex: 0 }, said)) : make("p", {}, ...summary);
  $("trace").append(make("li", {}, body));
  $("trace-note").hidden = true;
}

function showError(error, advice) {
  console.error(error);
  const told = error instanceof VendError ? error.detail : error.message;
  const facts = [error.code, error.ec && `EC ${error.ec}`, error.requestId && `request id ${error.requestId}`].filter(Boolean).join(" · ");
  show("error", told, advice ?? error.hint, facts);
}

function show(kind, title, ...lines) {
  $("notice").replaceChildren(make("div", { className: `notice ${kind}` },
    make("strong", {}, title), ...lines.filter(Boolean).map((line) => make("p", {}, line))));
  $("notice").scrollIntoView({ block: "nearest" });
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const short = (text) => (text.length > 12 ? `${text.slice(0, 6)}…${text.slice(-2)}` : "…");
const shortUrl = (text) => text.replace(/([?&](?:[^=&]*(?:signature|token|credential))=)([^&]{12,})/gi, (_, name, value) => name + short(value));
const pretty = (value) => JSON.stringify(value, (name, item) => {
  if (typeof item !== "string") return item;
  return SECRET.test(name) ? short(item) : shortUrl(item);
}, 2);
const clock = (time) => new Date(time).toLocaleTimeString(undefined, { timeStyle: "short" });

function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${power ? (count / 1024 ** power).toFixed(1) : Math.round(count)} ${units[power]}`;
}
