// Changes the code of the named folders in one place at a time, and has the unit tests find each change.
// usage: npm run test:mutants -- FOLDER... [--tests FOLDER]... [--quick] [--again]
//   FOLDER    folder or file of src or plugins, such as src/ip; the tests that must find its changes are test/ip, and those of
//             plugins/static are test/plugins/static, and test/plugins/verbs.test.ts for what these do not find
//   --tests   runs other tests as well
//   --quick   leaves out changes of what runs when a module is loaded: for each of them, all tests run
//   --again   tries only what the last run of these folders did not find, and what has changed since
// Exit code 1 if less than 85 % of a folder's changes are found. The whole report is .cache/mutants/report.html.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Outcome, outcomes, type Report, score, survivorLine } from "./report.ts";

const LEAST = 85;
const VERBS = "test/plugins/verbs.test.ts";
const root = path.join(import.meta.dirname, "../..");
const folder = path.join(root, ".cache/mutants");
const manifests = import.meta.dirname;

const { values, positionals } = parseArgs({
  options: {
    tests: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const sources = positionals.map((place) => path.relative(root, path.resolve(place)));
if (sources.length === 0) fail("Name what to change, such as: npm run test:mutants -- src/ip");
for (const place of [...sources, ...values.tests])
  if (!fs.existsSync(path.join(root, place))) fail(`Cannot find ${place}`);

install();
const own = [...new Set([...sources.flatMap(testsOf), ...values.tests])];
change(own, { isAgain: values.again });
// The verbs of all plugins are tested together, which takes seconds for each change.
if (sources.some((place) => place.startsWith("plugins"))) change([...own, VERBS], { isAgain: true });
const report: Report = JSON.parse(fs.readFileSync(path.join(folder, "report.json"), "utf8"));
const scores = sources.map((place) => print(place, outcomes(report, place)));
process.exit(scores.every((found) => found >= LEAST) ? 0 : 1);

/** Installs Stryker beside the tree's own packages, which it finds from there: `npm ci` has one less to fetch. */
function install() {
  const installed = path.join(folder, "node_modules/.package-lock.json");
  if (modified(installed) > modified(path.join(manifests, "package-lock.json"))) return;
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json"])
    fs.copyFileSync(path.join(manifests, name), path.join(folder, name));
  // vitest, a peer of it, is that of the tree.
  run("npm", ["ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
}

/** Makes each change, or with `isAgain` only those that the last run of these folders did not find. */
function change(tests: readonly string[], { isAgain }: { isAgain: boolean }) {
  const lastRun = path.join(folder, "last", `${sources.join("+").replaceAll("/", "-")}.json`);
  if (isAgain) forgetSurvivors(lastRun);
  const config = {
    testRunner: "vitest",
    vitest: { configFile: "test/mutants/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    ignoreStatic: values.quick,
    concurrency: 1,
    mutate: sources.map((place) => (place.endsWith(".ts") ? place : `${place}/**/*.ts`)),
    ignorePatterns: [".cache", "dist"],
    incremental: true,
    incrementalFile: lastRun,
    force: !isAgain,
    disableTypeChecks: false,
    tsconfigFile: "none",
    tempDirName: ".cache/mutants/copy",
    cleanTempDir: "always",
    reporters: ["json", "html", process.stdout.isTTY ? "progress" : "progress-append-only"],
    jsonReporter: { fileName: ".cache/mutants/report.json" },
    htmlReporter: { fileName: ".cache/mutants/report.html" },
  };
  fs.writeFileSync(path.join(folder, "stryker.json"), JSON.stringify(config));
  // What a run that was killed has left.
  fs.rmSync(path.join(folder, "copy"), { recursive: true, force: true });
  fs.rmSync(path.join(folder, "report.json"), { force: true });
  const stryker = [path.join(folder, "node_modules/.bin/stryker"), "run", path.join(folder, "stryker.json")];
  run(process.execPath, stryker, root, { MUTANTS_TESTS: tests.join(" ") });
}

/** Stryker by itself keeps the answer for a survivor that runs when its file is loaded, whatever test is new. */
function forgetSurvivors(lastRun: string) {
  if (!fs.existsSync(lastRun)) return;
  const report: Report = JSON.parse(fs.readFileSync(lastRun, "utf8"));
  const files = Object.entries(report.files).map(([file, { mutants, ...rest }]) => {
    return [file, { ...rest, mutants: mutants.filter(({ status }) => status !== "Survived") }];
  });
  fs.writeFileSync(lastRun, JSON.stringify({ ...report, files: Object.fromEntries(files) }));
}

/** The tests of a folder are where it is, in test; those of a file are in its folder. */
function testsOf(place: string) {
  const mirror = path.join("test", place.replace(/^src\//, ""));
  if (!place.endsWith(".ts")) return mirror;
  const tests = mirror.replace(/\.ts$/, ".test.ts");
  return fs.existsSync(path.join(root, tests)) ? tests : path.dirname(mirror);
}

function print(place: string, files: readonly Outcome[]) {
  const width = Math.max(...files.map(({ file }) => file.length), place.length);
  for (const outcome of files) {
    console.log(row(outcome.file.padEnd(width), score([outcome])));
    for (const survivor of outcome.survivors) console.log(survivorLine(outcome.file, survivor));
  }
  if (!place.endsWith(".ts")) console.log(`${row(place.padEnd(width), score(files))}\n`);
  return score(files).percent;
}

function row(name: string, { found, left, percent }: ReturnType<typeof score>) {
  return `${name}  ${found} found, ${left} not, ${percent.toFixed(1)} %`;
}

function run(command: string, args: readonly string[], cwd: string, env = {}) {
  const { status } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: "inherit" });
  if (status !== 0) fail(`"${command} ${args.join(" ")}" failed: see above`);
}

function modified(file: string) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
