// Packages every plugin and cnictl as one image, twice: dist/bin (bytecode on QuickJS-NG, a native executable) and dist/pkg (Node.js,
// with pkg).
// usage: npm run build -- [--arch x64|arm64] [--only bin|pkg]
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = path.dirname(fileURLToPath(import.meta.url));
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
  // An error with a cause says in words what the machine lacks.
  fail(error.cause === undefined ? error.stack : error.message);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
