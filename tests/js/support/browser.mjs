/** Debian's Chromium, driven without a window. */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const WORK = fileURLToPath(new URL("../../.work/", import.meta.url));
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const PHONE = { viewport: { width: 360, height: 720 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "dark" };

export function startBrowser() {
  return chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, chromiumSandbox: false, args: FLAGS });
}

/** A page that collects what went wrong in it. */
export async function openPage(browser, url, options = { viewport: { width: 1100, height: 800 } }) {
  const context = await browser.newContext({ ...options, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  await page.goto(url);
  return { page, troubles, close: () => context.close() };
}

/** Leaves a picture in `tests/.work/screenshots/`: of the whole page, or of what a dialog leaves in view. */
export async function screenshot(page, name, fullPage = true) {
  await mkdir(`${WORK}screenshots`, { recursive: true });
  await page.screenshot({ path: `${WORK}screenshots/${name}.png`, fullPage });
}
