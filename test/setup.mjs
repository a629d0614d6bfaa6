// Makes a fresh clone ready: system packages (Debian's), npm packages, executables. Plain JavaScript for Node 18 without node_modules, for
// nothing else is there yet. Quick where all is in place; what it cannot put in place, it names with the command that would.
// usage: node test/setup.mjs   for the tests; CNI_BIN_DIR names the executables, dist/bin unless told
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { environment, node, nodeProblem, root } from "../build/node.mjs";
import {
  asRoot,
  fail,
  findMissingFeature,
  installation,
  installTools,
  isRoot,
  missing,
  packagesOf,
  refuseUninstallable,
  TOOLS,
} from "./system.mjs";

/** Folder of the executables to run. */
export const bin = path.resolve(process.env.CNI_BIN_DIR ?? path.join(root, "dist/bin"));

const BUILT = ["bin", "pkg"].filter((name) => bin === path.join(root, "dist", name));
const NPM = { needs: "npm", package: "npm" };

/**
 * Says what is missing, and puts it in place, or ends the process with what would. `tools` names lists of TOOLS. `packagings` are those
 * that are built where they are missing or older than a source: "bin", "pkg", unless told what CNI_BIN_DIR names of them.
 * `dev: false` spares the npm packages that the build of dist/bin does not need.
 */
export function setup({ tools = ["unit", "tests"], packagings = BUILT, ...options } = {}) {
  if (Number.parseInt(process.versions.node, 10) < 18)
    fail(
      `Cannot use Node ${process.versions.node}: must be 18 or newer`,
      installation([{ needs: "node", package: "nodejs" }, NPM]),
    );
  const outdated = packagings.filter(isOutdated);
  const hasDev = modified("node_modules/vitest") > 0;
  const dev = options.dev !== false || outdated.includes("pkg") || hasDev;
  const needsModules = modified("node_modules/.package-lock.json") < modified("package-lock.json") || dev !== hasDev;
  const lists = ["node", ...tools, ...(outdated.length > 0 ? ["build"] : [])].flatMap((name) => TOOLS[name]);
  const lacking = missing([...lists, ...(needsModules ? [NPM] : [])]);
  refuseUninstallable(lacking);
  announce({ lacking, needsModules, outdated });
  installTools(lacking);
  if (needsModules) run(["npm", "ci", ...(dev ? [] : ["--omit=dev"])], { took: "about half a minute" });
  const problem = nodeProblem();
  if (problem !== undefined) fail(problem, fs.existsSync(node) ? `ldd ${node}` : "npm ci --include=optional");
  for (const name of outdated) run(["node", "build.mjs", "--only", name], { took: "about a minute" });
}

/** Ends the process unless it can make network namespaces, as root, and the kernel has what tests need. */
export function ensureKernel() {
  if (!isRoot) fail("Cannot make network namespaces: must be root", asRoot("npm test"));
  const problem = findMissingFeature([], { forTests: true });
  if (problem !== undefined) fail(problem.message, problem.help);
}

function announce({ lacking, needsModules, outdated }) {
  const lines = [
    ...(lacking.length > 0 ? [`Debian packages: ${packagesOf(lacking).join(", ")}`] : []),
    ...(needsModules ? [`npm packages, in node_modules (some hundred MB)`] : []),
    ...outdated.map((name) => `the build of dist/${name}`),
  ];
  if (lines.length > 0) console.log(["Missing, and made now:", ...lines].join("\n  "));
}

/** Whether a packaging is missing or older than any source of it. */
function isOutdated(packaging) {
  const sources = ["build.mjs", "build", "native", "package.json", "package-lock.json", "src", "plugins"];
  return modified(`dist/${packaging}/cnictl`) < Math.max(...sources.map((source) => newest(path.join(root, source))));
}

function newest(place) {
  const stat = fs.statSync(place, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  return Math.max(0, ...fs.readdirSync(place).map((name) => newest(path.join(place, name))));
}

function modified(file) {
  return fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(argv, { took }) {
  console.log(`> ${argv.join(" ")} (${took})`);
  const options = { cwd: root, env: environment, stdio: ["ignore", "inherit", "inherit"] };
  if (spawnSync(argv[0], argv.slice(1), options).status !== 0)
    fail(`"${argv.join(" ")}" failed: see above`, argv.join(" "));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup();
  ensureKernel();
}
