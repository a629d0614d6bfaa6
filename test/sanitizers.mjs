// npm run test:sanitizers: builds the native image with AddressSanitizer and UndefinedBehaviorSanitizer, and gives it bad input: the live tests of
// that, test/platform's, and the fuzzer's. What they report is printed; exit code 1 where there is anything, or where a test fails.
// usage: npm run test:sanitizers [-- --minutes N]     for the fuzzer: 1 unless told
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "1" } } });
const folder = path.join(root, ".cache/sanitized");
const [bin, reports] = [path.join(folder, "bin"), path.join(folder, "reports")];

setup();
ensureKernel();
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(reports, { recursive: true });
const makeImage = `import { makeImage } from "./build/image.mjs";
await makeImage(${JSON.stringify(bin)}, { arch: ${JSON.stringify(process.arch)}, kind: "native", sanitize: ${JSON.stringify(reports)} });`;
if (!run("--input-type=module", "--eval", makeImage)) process.exit(1);

const badInput = fs.readdirSync(path.join(root, "test/live")).filter((name) => /^bad-input.*\.test\.ts$/.test(name));
const passed = [
  vitest("live", ...badInput.map((name) => `test/live/${name}`)),
  vitest("build", "test/platform"),
  run("test/fuzz/main.ts", "--minutes", values.minutes),
];
const found = fs.readdirSync(reports);
for (const name of found) console.log(fs.readFileSync(path.join(reports, name), "utf8"));
console.log(`sanitizers: ${found.length} reports`);
process.exit(found.length === 0 && passed.every(Boolean) ? 0 : 1);

function vitest(project, ...files) {
  return run(
    "node_modules/vitest/vitest.mjs",
    "run",
    "--config",
    "test/vitest.config.ts",
    "--project",
    project,
    ...files,
  );
}

function run(...argv) {
  const env = { ...environment, CNI_BIN_DIR: bin, CNI_SANITIZE: reports, FUZZ_REPORTS: reports };
  return spawnSync(node, argv, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}
