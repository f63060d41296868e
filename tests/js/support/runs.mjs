/** What a suite ran, for the table of SDKs: one file for each suite in `tests/.work/sdk-runs/`. */

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../.work/sdk-runs/", import.meta.url));
const require = createRequire(import.meta.url);

/**
 * @param {string} suite names the file too
 * @param {string} sdk the name of its package
 * @param {string} language as the table shows it
 */
export function startRun(suite, sdk, language = "JavaScript (Node)") {
  const calls = new Set();
  return {
    /** Counts a call as run. */
    ran: (name) => void calls.add(name),
    /** The same client, whose methods count as run once they come to a good end. */
    counted: (client) =>
      new Proxy(client, {
        get(target, name) {
          const member = target[name];
          if (typeof member !== "function" || typeof name !== "string") return member;
          return (...given) => {
            const outcome = member.apply(target, given);
            if (typeof outcome?.then !== "function") return calls.add(name), outcome;
            return outcome.then((value) => (calls.add(name), value));
          };
        },
      }),
    write() {
      mkdirSync(FOLDER, { recursive: true });
      const run = { sdk, version: version(sdk), language, suite, calls: [...calls].sort() };
      writeFileSync(`${FOLDER}${suite}.json`, `${JSON.stringify(run, null, 1)}\n`);
    },
  };
}

/** What is installed; a package need not show its package.json. */
function version(name) {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    try {
      const about = require(join(folder, "package.json"));
      if (about.name === name) return about.version;
    } catch (error) {
      if (folder === dirname(folder)) throw error;
    }
  }
}
