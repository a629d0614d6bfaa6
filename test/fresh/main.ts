// npm run test:fresh: what a new user sees. Runs `npm run demo` (as root, then as a user) and `npm test` on fresh Debian systems with their
// own nodejs and npm, and with other releases of npm, each in a copy of a root made by debootstrap and from a fresh clone of HEAD. Root.
// `--only release` makes a release on each instead, from nothing: all have to come to the same bytes. Half an hour for each.
// `--only archive` gives each nothing but the archive of `npm run release`: see archive.sh. `--only packages`: its packages, see packages.sh.
// usage: npm run test:fresh -- [--suite bookworm|trixie|sid]... [--npm own|9|10|11|12]... [--only demo|test|release|archive|packages] [-- arguments of npm test]
// With another npm than its own, a system runs of the tests the projects "unit", "mocked" and "build" alone, unless told others.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { cache, ensureRoot, environmentInRoot } from "./root.ts";

const SUITES = ["bookworm", "trixie", "sid"];
const NPMS = ["own", "9", "10", "11", "12"];
const USER = "somebody";

/** What no new user is to see. */
const UNWANTED = /EBADENGINE|^\s+at .*:\d+:\d+\)?$/m;

/** The status of a system whose Node the wanted npm refuses. */
const NO_SUCH_NPM = 99;

interface Row {
  readonly suite: string;
  readonly npm: string;
  readonly versions: string;
  readonly what: string;
  readonly result: string;
  readonly seconds: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: "string", multiple: true, default: SUITES },
    npm: { type: "string", multiple: true, default: NPMS },
    only: { type: "string" },
  },
});
const repository = path.join(import.meta.dirname, "../..");
/** What the last `npm run release` made. */
const released = path.join(repository, "dist/release");
const logs = path.join(cache, "logs");
fs.mkdirSync(logs, { recursive: true });
const npms = ["release", "archive", "packages"].includes(values.only ?? "") ? ["own"] : values.npm;
const rows = values.suite.flatMap((suite) => npms.flatMap((npm) => runSystem(suite, npm)));
console.table(rows);
if (values.only === "release") compareReleases();
process.exitCode ||= rows.length > 0 && rows.every(({ result }) => /^passed|^not possible/.test(result)) ? 0 : 1;

function runSystem(suite: string, npm: string): Row[] {
  const wanted = values.only === undefined ? ["demo", "test"] : [values.only];
  return wanted.map((what) => runOnce(suite, { npm, what }));
}

function runOnce(suite: string, { npm, what }: { npm: string; what: string }): Row {
  const scratch = path.join(cache, `run-${process.pid}`);
  const log = path.join(logs, `${suite}-npm-${npm}-${what}.log`);
  const start = Date.now();
  try {
    const root = ensureRoot(suite);
    clone(path.join(scratch, "upper/clone"));
    if (what === "archive") fs.copyFileSync(findArchive(), path.join(scratch, "upper/archive.tgz"));
    if (what === "packages") fs.cpSync(released, path.join(scratch, "upper/packages"), { recursive: true });
    const status = enter({ root, scratch, suite, script: script(npm, what), log });
    const text = fs.readFileSync(log, "utf8");
    const versions = /^node .* npm .*$/m.exec(text)?.[0] ?? "";
    return {
      suite,
      npm,
      versions,
      what,
      result: judge(status, text),
      seconds: Math.round((Date.now() - start) / 1000),
    };
  } catch (error) {
    return { suite, npm, versions: "", what, result: `failed: ${Object(error).message}`, seconds: 0 };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
    console.log(`${suite}, npm ${npm}, ${what}: see ${path.relative(process.cwd(), log)}`);
  }
}

function judge(status: number | null, text: string): string {
  if (status === NO_SUCH_NPM && text.includes("EBADENGINE")) return "not possible: this npm refuses this Node";
  if (status !== 0) return `failed: ${status}`;
  const unwanted = UNWANTED.exec(text.slice(text.indexOf("\nnode ")))?.[0];
  return unwanted === undefined ? "passed" : `failed: shows ${unwanted.trim()}`;
}

/** What is run in a root. The demo as a user needs what the demo as root has installed. */
function script(npm: string, what: string): string {
  const some = npm === "own" ? [] : ["unit", "mocked", "build"].flatMap((name) => ["--project", name]);
  const tests = positionals.length > 0 ? positionals : some;
  const lines = {
    demo: `
      useradd --create-home ${USER}
      cp -r /clone /home/${USER}/clone
      chown -R ${USER} /home/${USER}/clone
      npm run demo
      cd /home/${USER}/clone
      echo "as a user:"
      setpriv --reuid=${USER} --regid=${USER} --init-groups env HOME=/home/${USER} npm run demo`,
    test: ["npm test --", ...tests].join(" "),
    archive: "sh test/fresh/archive.sh /archive.tgz",
    packages: "sh test/fresh/packages.sh /packages",
    release: `
      apt-get update && apt-get install -y --no-install-recommends python3-pip libatomic1 libstdc++6 golang-go qemu-user-static
      npm ci
      npm run release
      cat dist/release/SHA256SUMS`,
  };
  return `
    ${npm === "own" ? "" : `npm install --global --engine-strict --loglevel=error npm@${npm} || exit ${NO_SUCH_NPM}; hash -r`}
    echo "node $(node --version) npm $(npm --version)"
    cd /clone
    ${new Map(Object.entries(lines)).get(what) ?? ""}`;
}

/** The archive of the last `npm run release` for this machine's architecture. */
function findArchive(): string {
  const architecture = os.arch() === "x64" ? "amd64" : os.arch();
  const found = fs
    .readdirSync(released)
    .find((name) => name.includes(`-linux-${architecture}-`) && name.endsWith(".tgz"));
  if (found === undefined) throw new Error(`Cannot find an archive in ${released}: run \`npm run release\` first`);
  return path.join(released, found);
}

/** Fails unless all systems have made the same files. */
function compareReleases(): void {
  const sums = values.suite.map((suite) => {
    const text = fs.readFileSync(path.join(logs, `${suite}-npm-own-release.log`), "utf8");
    return (text.match(/^[0-9a-f]{64} {2}\S+$/gm) ?? []).join("\n");
  });
  const isSame = sums[0] !== "" && sums.every((each) => each === sums[0]);
  console.log(isSame ? `${sums[0]}\nthe same on ${values.suite.join(", ")}` : "the releases differ, or there is none");
  if (!isSame) process.exitCode = 1;
}

function clone(folder: string): void {
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const child = spawnSync("git", ["clone", "--quiet", "--no-hardlinks", repository, folder], { stdio: "inherit" });
  if (child.status !== 0) throw new Error("Cannot clone the repository: see above");
}

interface Entry {
  readonly root: string;
  readonly scratch: string;
  readonly suite: string;
  readonly script: string;
  readonly log: string;
}

/** Runs a script in a copy of a root. */
function enter({ root, scratch, suite, script, log }: Entry): number | null {
  const enterScript = path.join(import.meta.dirname, "enter.sh");
  const argv = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "sh",
    enterScript,
    root,
    scratch,
    path.join(cache, `${suite}.cache`),
  ];
  const output = fs.openSync(log, "w");
  const child = spawnSync("unshare", [...argv, "sh", "-exc", script], {
    env: environmentInRoot(),
    stdio: ["ignore", output, output],
  });
  fs.closeSync(output);
  return child.status;
}
