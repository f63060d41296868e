/** The demo page in Chromium: the three ways, what is listed and shown afterwards, and what a refusal looks like. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { openPage, PHONE, screenshot, startBrowser } from "../support/browser.mjs";
import { AWKWARD, MIB, noise, picture } from "../support/files.mjs";
import { readBack, startServer } from "../support/server.mjs";

let browser, cloud, open;

before(async () => {
  cloud = await startServer();
  browser = await startBrowser();
});
afterEach(() => open?.close());
after(async () => {
  await browser?.close();
  await cloud?.stop();
});

async function demo(options) {
  open = await openPage(browser, cloud.server, options);
  await listed(open.page);
  return open;
}

/** Waits for the end of what the page is doing. */
const listed = (page) => page.waitForFunction(() => document.querySelector("#caller option") && document.querySelector("#objects-note").textContent !== "…");
const result = async (page) => {
  await page.waitForSelector("#send:enabled");
  return page.locator(".notice").innerText();
};

async function choose(page, { name, mimeType, buffer }, { way = "sts", grant = "default", caller = "alice" } = {}) {
  await page.selectOption("#caller", caller);
  await page.selectOption("#grant", grant);
  await page.check(`[name=way][value=${way}]`);
  await page.setInputFiles("#file", { name, mimeType, buffer });
}

async function upload(page, file, how) {
  await choose(page, file, how);
  await page.click("#send");
  return result(page);
}

const FILES = [
  { name: "small.txt", mimeType: "text/plain", buffer: Buffer.from("a small text\n") },
  { name: "picture.png", mimeType: "image/png", buffer: picture() },
  { name: AWKWARD, mimeType: "text/plain", buffer: Buffer.from("awkward") },
  { name: "large.bin", mimeType: "application/octet-stream", buffer: noise(12 * MIB) },
];

for (const way of ["sts", "form", "url"])
  test(`every kind of file goes up by “${way}” and comes back equal`, async () => {
    const { page, troubles } = await demo();
    for (const file of FILES) {
      assert.match(await upload(page, file, { way }), new RegExp(`^Stored uploads/.*`));
      assert.equal(await page.locator("tr.new th").innerText(), file.name);
      const back = await readBack(cloud, `uploads/${file.name}`);
      assert.ok(back.bytes.equals(file.buffer), file.name);
      assert.equal(back.headers.get("content-type"), file.mimeType);
    }
    assert.deepEqual(troubles, []);
    await screenshot(page, `demo-${way}`);
  });

test("a large file goes up in parts, and its progress is shown", async () => {
  const { page } = await demo();
  const parts = [];
  page.on("request", (request) => request.url().includes("partNumber=") && request.method() === "PUT" && parts.push(request.url()));
  await slowDown(page, 6 * MIB);
  await choose(page, FILES[3]);
  await page.click("#send");
  await page.waitForFunction(() => document.querySelector("#bar").value > 0.2);
  assert.match(await page.locator("#progress-text").innerText(), /of 12\.0 MiB/);
  await screenshot(page, "demo-progress");
  assert.match(await result(page), /^Stored uploads\/large\.bin/);
  assert.equal(parts.length, 3);
});

test("cancelling stops the upload and stores nothing", async () => {
  const { page } = await demo();
  const removals = [];
  page.on("response", (answer) => answer.request().method() === "DELETE" && removals.push(`${answer.status()} ${new URL(answer.url()).search}`));
  await slowDown(page, 2 * MIB);
  await choose(page, { ...FILES[3], name: "cancelled.bin" });
  await page.click("#send");
  await page.waitForFunction(() => document.querySelector("#bar").value > 0.05);
  await page.click("#cancel");
  assert.match(await result(page), /^Cancelled/);
  assert.equal(removals.length, 1);
  assert.match(removals[0], /^204 \?uploadId=/);
  await page.click("#reload");
  await listed(page);
  assert.equal(await page.getByRole("button", { name: "cancelled.bin", exact: true }).count(), 0);
});

test("a file can be dropped, and gets a random name if its own is not kept", async () => {
  const { page } = await demo();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
    return transfer;
  });
  await page.dispatchEvent("#drop", "drop", { dataTransfer: data });
  await page.uncheck("#keep-name");
  for (const way of ["sts", "form", "url"]) {
    await page.check(`[name=way][value=${way}]`);
    await page.click("#send");
    const [, key] = /^Stored (uploads\/\S+\.txt)/.exec(await result(page));
    assert.doesNotMatch(key, /dropped/);
    assert.equal((await readBack(cloud, key)).bytes.toString(), "dropped");
  }
});

test("an object opens with its preview and a link that saves it under its name", async () => {
  const { page, troubles } = await demo();
  const file = { name: `${AWKWARD}.png`, mimeType: "image/png", buffer: picture() };
  await upload(page, file);
  await page.getByRole("button", { name: file.name, exact: true }).click();
  await page.waitForFunction(() => document.querySelector("#preview").naturalWidth === 320);
  await screenshot(page, "demo-viewer", false);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.equal(download.suggestedFilename(), file.name.replaceAll('"', "_")); // what Chromium makes of quotes
  assert.ok((await readFile(await download.path())).equals(file.buffer));
  assert.ok((await (await fetch(await page.inputValue("#link"))).arrayBuffer()).byteLength === file.buffer.length);
  await page.click("#close");
  assert.deepEqual(troubles, []);
});

test("deleting removes the object", async () => {
  const { page } = await demo();
  page.on("dialog", (dialog) => dialog.accept());
  await upload(page, { ...FILES[0], name: "deleted.txt" });
  await page.getByRole("button", { name: "Delete deleted.txt" }).click();
  await page.locator("#objects th", { hasText: "deleted.txt" }).waitFor({ state: "detached" });
  await assert.rejects(readBack(cloud, "uploads/deleted.txt"), /NoSuchKey/);
});

test("each caller has a directory of the grant “avatars”", async () => {
  const { page } = await demo();
  for (const caller of ["alice", "bob"]) {
    assert.match(await upload(page, { ...FILES[1], name: `${caller}.png` }, { grant: "avatars", caller }), new RegExp(`^Stored \\S*${caller}/${caller}\\.png`));
    assert.deepEqual(await page.locator("#objects tbody th").allInnerTexts(), [`${caller}.png`]);
  }
});

for (const way of ["form", "url"])
  test(`what the grant refuses is told with a hint, by “${way}”`, async () => {
    const { page } = await demo();
    const told = await upload(page, FILES[0], { way, grant: "avatars" });
    assert.match(told, /text\/plain/);
    assert.ok((await page.locator(".notice.error p").count()) >= 2, told);
    assert.equal(await page.locator("#trace .bad").innerText(), "403");
    await screenshot(page, `demo-refused-${way}`);
  });

test("who has no API key is told to bring one where the grant is for known callers", async () => {
  const { page } = await demo();
  await page.selectOption("#caller", "");
  await page.selectOption("#grant", "avatars");
  await page.waitForSelector(".notice.error");
  assert.equal(await page.locator("#trace .bad").innerText(), "401");
  await screenshot(page, "demo-no-key");
});

test("what is shown of secrets and tokens is too short to be of use", async () => {
  const { page } = await demo();
  const secrets = [];
  page.on("response", async (response) => {
    if (!/\/(sts|post-signature|presigned-url)\?/.test(response.url())) return;
    const { AccessKeySecret, SecurityToken, fields, url } = await response.json();
    secrets.push(AccessKeySecret, SecurityToken, fields?.["x-oss-signature"], fields?.["x-oss-security-token"]);
    if (url) for (const name of ["x-oss-signature", "x-oss-security-token"]) secrets.push(new URL(url).searchParams.get(name));
  });
  for (const way of ["sts", "form", "url"]) {
    await page.reload();
    await listed(page);
    await upload(page, FILES[0], { way });
    const shown = decodeURIComponent(await page.locator("#trace").evaluate((list) => list.textContent.replace(/%(?![0-9A-F]{2})/g, "%25")));
    const real = secrets.filter(Boolean);
    assert.ok(real.length >= 2);
    for (const secret of real) assert.ok(!shown.includes(secret.slice(0, 12)), `${way} shows ${secret.slice(0, 12)}…`);
    for (const { apiKey } of cloud.dev.callers) assert.ok(!shown.includes(apiKey));
  }
});

test("the page fits a phone, in the dark, and works by keyboard alone", async () => {
  const { page, troubles } = await demo(PHONE);
  await page.setInputFiles("#file", FILES[1]);
  await page.focus("[name=way]:checked");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("[name=way]:checked").getAttribute("value"), "form");
  await page.focus("#send");
  await page.keyboard.press("Enter");
  assert.match(await result(page), /^Stored uploads\/picture\.png/);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await screenshot(page, "demo-phone");
  await page.getByRole("button", { name: "picture.png", exact: true }).press("Enter");
  await page.waitForFunction(() => document.querySelector("#preview").naturalWidth === 320);
  await screenshot(page, "demo-phone-viewer", false);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#viewer", { state: "hidden" });
  assert.deepEqual(troubles, []);
});

async function slowDown(page, bytesPerSecond) {
  const session = await page.context().newCDPSession(page);
  const rate = { offline: false, latency: 5, downloadThroughput: 100 * MIB, uploadThroughput: bytesPerSecond };
  await session.send("Network.emulateNetworkConditions", rate);
}
