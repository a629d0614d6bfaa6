// Packages every plugin and cnictl as one image, twice: dist/bin (bytecode on QuickJS-NG, in native code) and dist/pkg (Node.js, by pkg).
// usage: node build.mjs [--arch x64|arm64] [--only bin|pkg]
import { spawnSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

// Any Node.js from 18 on starts the build; the pinned one, which npm has brought, does it.
const root = path.dirname(fileURLToPath(import.meta.url));
const node = path.join(root, `node_modules/node-linux-${os.arch()}/bin/node`);
if (process.env.CNI_BUILD !== "1") {
  const env = { ...process.env, CNI_BUILD: "1" };
  const { status, error } = spawnSync(node, process.argv.slice(1), { stdio: "inherit", env });
  if (error) console.error(`Cannot start ${node}: ${error.message}\n  this would help: npm ci --include=optional`);
  process.exit(status ?? 1);
}

const { values } = parseArgs({ options: { arch: { type: "string", default: os.arch() }, only: { type: "string" } } });
if (!["x64", "arm64"].includes(values.arch)) fail(`Unknown --arch "${values.arch}": must be x64 or arm64`);
if (![undefined, "bin", "pkg"].includes(values.only)) fail(`Unknown --only "${values.only}": must be bin or pkg`);

const suffix = values.arch === os.arch() ? "" : `-${values.arch}`;
const { makeImage } = await import("./build/image.mjs");
try {
  if (values.only !== "pkg")
    await makeImage(path.join(root, `dist/bin${suffix}`), { arch: values.arch, kind: "native" });
  if (values.only !== "bin") await makeImage(path.join(root, `dist/pkg${suffix}`), { arch: values.arch, kind: "node" });
} catch (error) {
  fail(error.stack);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
