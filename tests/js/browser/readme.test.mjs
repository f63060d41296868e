/** The HTML of the README and of docs/, as it stands there: each page in a folder that the server serves, opened, and given a file. */

import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { AWKWARD, MIB, noise } from "../support/files.mjs";
import { readBack, startServer } from "../support/server.mjs";

const SOURCES = ["README.md", "docs/credentials.md", "docs/forms.md"];
const TEXT = (await Promise.all(SOURCES.map((path) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8")))).join("\n");
const PAGES = new Map([...TEXT.matchAll(/<!-- test: page (\S+) -->\n```html\n(.*?)```/gs)].map(([, name, html]) => [name, html]));
const SDK = createRequire(import.meta.url).resolve("ali-oss/dist/aliyun-oss-sdk.min.js");
let browser, cloud, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "readme-"));
  for (const [name, html] of PAGES) await writeFile(join(folder, `${name}.html`), html);
  await copyFile(SDK, join(folder, "aliyun-oss-sdk.min.js"));
  cloud = await startServer("--static-dir", folder);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("there is a page for each way", () => {
  assert.deepEqual([...PAGES.keys()], ["put", "ali-oss", "oss-vend", "form"]);
});

for (const name of PAGES.keys()) {
  test(`the page "${name}" uploads what it is given`, async () => {
    const { page, troubles, close } = await openPage(browser, `${cloud.server}/${name}.html`);
    const body = noise(MIB);
    await page.setInputFiles("#file", { name: AWKWARD, mimeType: "text/plain", buffer: body });
    await page.waitForFunction(() => document.querySelector("#result").textContent);
    const key = await page.textContent("#result");
    assert.ok(key.startsWith("uploads/"), key);
    assert.ok((await readBack(cloud, key)).bytes.equals(body));
    assert.deepEqual(troubles.filter((trouble) => !trouble.includes("404")), []); // 404: these pages have no icon
    await close();
  });
}
