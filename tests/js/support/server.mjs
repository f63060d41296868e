/** Starts `oss-vend dev` on free ports; the binary is named by OSS_VEND_BIN. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const ARGUMENTS = ["dev", "--listen", "127.0.0.1:0", "--oss-listen", "127.0.0.1:0", "--sts-listen", "127.0.0.1:0", "--print-json"];

/**
 * @param {string[]} more arguments beside the usual ones
 * @returns {Promise<{ server: string, oss: string, sts: string, dev: any, as: (id: string) => HeadersInit, stop: () => Promise<void> }>}
 */
export async function startServer(...more) {
  const program = process.env.OSS_VEND_BIN;
  if (!program) throw new Error("OSS_VEND_BIN must name the oss-vend program");
  const child = spawn(program, [...ARGUMENTS, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log = (log + text).slice(-8000)));
  const ended = once(child, "exit");
  const addresses = await firstJson(child.stdout);
  if (!addresses) throw new Error(`oss-vend ended with ${(await ended)[0]}:\n${log}`);
  const dev = await (await fetch(`${addresses.server}/dev.json`)).json();
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { ...addresses, dev, as: (id) => headersOf(dev, id), stop };
}

/** The headers with which the demo's caller `id` asks. */
function headersOf(dev, id) {
  const caller = dev.callers.find((one) => one.id === id);
  return { Authorization: `Bearer ${caller.apiKey}` };
}

/** The first line that is JSON; what comes after it is read and dropped, else the program would stand still at a full pipe. */
function firstJson(stream) {
  const lines = createInterface({ input: stream });
  return new Promise((resolve) => {
    lines.on("line", (line) => line.startsWith("{") && resolve(JSON.parse(line)));
    lines.on("close", () => resolve(undefined));
  });
}

/** The module as the server serves it, so that what is tested is what pages get. */
export async function loadModule(server) {
  const source = await (await fetch(`${server}/oss-vend.js`)).text();
  return import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
}

/** Asks the server; fails with what it said. */
export async function ask(url, init) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
  return answer.headers.get("content-type").includes("json") ? JSON.parse(text) : text;
}

/** The bytes of an object, read through a URL that the server signed. */
export async function readBack(cloud, key, grant = "default", caller = "alice") {
  const query = new URLSearchParams({ grant, key, method: "GET" });
  const { url } = await ask(`${cloud.server}/presigned-url?${query}`, { headers: cloud.as(caller) });
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return { bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers };
}
