// npm test: sets up what is missing, then runs each of vitest's projects, so that one that matches no file fails.
// usage: node test/run.mjs [arguments for vitest, then run once]; CNI_BIN_DIR names the executables, dist/bin unless told
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { bin, ensureKernel, setup } from "./setup.mjs";

const PROJECTS = ["unit", "mocked", "build", "live", "parity", "clients"];

const given = process.argv.slice(2);
const named = given.flatMap((arg, i) =>
  arg.startsWith("--project=") ? arg.slice(10) : given[i - 1] === "--project" ? arg : [],
);
const wanted = named.length > 0 ? named : PROJECTS;

const needsKernel = wanted.some((name) => !["unit", "mocked", "build"].includes(name));
setup(needsKernel ? { tools: ["unit", "tests", ...toolsOf(wanted)] } : { tools: ["unit", "build"] });
if (needsKernel) ensureKernel();
// Made before a test waits for them. Where that fails, the tests that need them say why.
if (wanted.some((name) => ["parity", "clients", "runtimes", "built", "cluster"].includes(name)))
  run("test/parity/reference.ts");
for (const name of ["runtimes", "built", "cluster"].filter((each) => wanted.includes(each)))
  run(`test/clients/${name}/prepare.ts`);

const runs = given.length > 0 ? [given] : PROJECTS.map((name) => ["--project", name]);
const failed = runs.filter((args) => !vitest(args));
if (given.length === 0)
  console.log(
    failed.length === 0 ? `${bin}: all passed` : `${bin}: failed in ${failed.map(([, name]) => name).join(", ")}`,
  );
process.exit(failed.length === 0 ? 0 : 1);

function vitest(args) {
  return run("node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts", ...reporters(args), ...args);
}

/** The groups of tools that projects need besides. */
function toolsOf(projects) {
  const groups = {
    runtimes: ["runtimes"],
    built: ["runtimes"],
    cluster: ["runtimes", "cluster"],
    release: ["release"],
  };
  return [...new Set(projects.flatMap((name) => groups[name] ?? []))];
}

/** Where TEST_REPORTS names a folder, a JSON report for .ci/run to add up. */
function reporters(args) {
  const folder = process.env.TEST_REPORTS;
  if (folder === undefined) return [];
  fs.mkdirSync(folder, { recursive: true });
  const what = args
    .join("-")
    .replace(/[^a-z]+/g, "-")
    .slice(0, 60);
  const file = path.join(folder, `${path.basename(bin)}${what}.json`);
  return ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
}

function run(...argv) {
  const options = { cwd: root, env: { ...environment, CNI_BIN_DIR: bin }, stdio: ["ignore", "inherit", "inherit"] };
  return spawnSync(node, argv, options).status === 0;
}
