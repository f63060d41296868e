/** The examples run as they stand, with the SDKs that the tests have installed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { openPage, startBrowser } from "../support/browser.mjs";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { startRun } from "../support/runs.mjs";
import { readBack, startServer } from "../support/server.mjs";

const EXAMPLES = fileURLToPath(new URL("../../../examples/", import.meta.url));
const MODULES = fileURLToPath(new URL("../node_modules/", import.meta.url));
const SDK = createRequire(import.meta.url).resolve("ali-oss/dist/aliyun-oss-sdk.min.js");
let folder;

before(async () => (folder = await mkdtemp(join(tmpdir(), "oss-vend-examples-"))));
after(() => rm(folder, { recursive: true, force: true }));

/** A copy of the example, so that nothing is installed or built beside what is committed. */
async function example(name) {
  const copy = join(folder, name);
  const committed = (path) => !/node_modules|bundle\.js|package-lock/.test(path.slice(EXAMPLES.length));
  await cp(join(EXAMPLES, name), copy, { recursive: true, filter: committed });
  return copy;
}

/** What `npm install` would put there. */
async function install(name) {
  const copy = await example(name);
  await symlink(MODULES, join(copy, "node_modules"));
  return copy;
}

test("the examples pin the versions that the tests have", async () => {
  const tested = JSON.parse(await readFile(new URL("../package.json", import.meta.url))).devDependencies;
  for (const name of await readdir(EXAMPLES)) {
    const about = await readFile(join(EXAMPLES, name, "package.json")).then(JSON.parse, () => ({}));
    for (const [wanted, version] of Object.entries({ ...about.dependencies, ...about.devDependencies }))
      assert.equal(tested[wanted], version, `${name}: ${wanted}`);
  }
});

test("node-ali-oss uploads a file", async (context) => {
  const cloud = await startServer();
  context.after(cloud.stop);
  const copy = await install("node-ali-oss");
  const file = join(folder, AWKWARD);
  const body = noise(3 * MIB);
  await writeFile(file, body);
  const env = { ...process.env, OSS_VEND_URL: cloud.server };
  const { stdout } = await promisify(execFile)(process.execPath, [join(copy, "upload.mjs"), file], { env });
  assert.match(stdout, /100 %\nstored uploads\/.*, 3145728 bytes/);
  assert.ok((await readBack(cloud, `uploads/${AWKWARD}`)).bytes.equals(body));
  const run = startRun("example-node-ali-oss", "ali-oss");
  run.ran("examples/node-ali-oss");
  run.write();
});

describe("in Chromium", () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser?.close());

  /** Opens the example's page, gives it a file, and looks into the bucket. */
  async function uploads(copy, { name = AWKWARD, mimeType = "text/plain", size = 3 * MIB } = {}) {
    const cloud = await startServer("--static-dir", copy);
    const open = await openPage(browser, `${cloud.server}/upload.html`);
    try {
      const body = noise(size);
      await open.page.locator("#file").setInputFiles({ name, mimeType, buffer: body });
      const status = open.page.locator("#status", { hasText: /^(stored|failed)/ });
      const [, key] = /^stored as (.*)$/.exec(await status.innerText()) ?? assert.fail(await status.innerText());
      const stored = await readBack(cloud, key);
      assert.ok(stored.bytes.equals(body));
      assert.equal(stored.headers.get("content-type"), mimeType);
    } finally {
      await open.close();
      await cloud.stop();
    }
  }

  test("browser-ali-oss uploads a file", async () => {
    const copy = await example("browser-ali-oss");
    const place = join(copy, "node_modules/ali-oss/dist/aliyun-oss-sdk.min.js");
    await mkdir(dirname(place), { recursive: true });
    await copyFile(SDK, place);
    await uploads(copy);
    const run = startRun("example-browser-ali-oss", "ali-oss", "JavaScript (Chromium)");
    run.ran("examples/browser-ali-oss");
    run.write();
  });

  for (const name of ["browser-form", "browser-put"])
    test(`${name} uploads a file`, async () => {
      const copy = await example(name);
      await uploads(copy);
      await uploads(copy, { name: "empty.bin", mimeType: "application/octet-stream", size: 0 });
    });

  test("uppy uploads a file", async () => {
    const copy = await install("uppy");
    await build({ entryPoints: [join(copy, "upload.js")], bundle: true, format: "esm", outfile: join(copy, "bundle.js"), logLevel: "error" });
    await uploads(copy);
    const run = startRun("example-uppy", "@uppy/aws-s3", "JavaScript (Chromium)");
    run.ran("examples/uppy (getUploadParameters)");
    run.write();
  });
});
