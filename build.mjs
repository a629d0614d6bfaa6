// Packages every plugin and cnictl as one image, twice: dist/bin (bytecode on QuickJS-NG, a native executable) and dist/pkg (Node.js,
// with pkg). USAGE says how it is called.
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readOptions, refuse } from "./build/options.mjs";

const USAGE = "npm run build -- [--arch amd64|arm64] [--only bin|pkg]";

/** Names of architectures, and Node.js's for each. */
const ARCHITECTURES = { x64: "x64", amd64: "x64", arm64: "arm64" };

const root = path.dirname(fileURLToPath(import.meta.url));
const values = readOptions(USAGE, {
  arch: { type: "string", default: os.arch() },
  only: { type: "string" },
});
const arch = Object.hasOwn(ARCHITECTURES, values.arch) ? ARCHITECTURES[values.arch] : undefined;
if (arch === undefined) refuse(`Unknown --arch "${values.arch}": must be amd64 (or x64) or arm64`, USAGE);
if (![undefined, "bin", "pkg"].includes(values.only))
  refuse(`Unknown --only "${values.only}": must be bin or pkg`, USAGE);

const suffix = arch === os.arch() ? "" : `-${arch}`;
const { makeImage } = await import("./build/image.mjs");
try {
  if (values.only !== "pkg") await makeImage(path.join(root, `dist/bin${suffix}`), { arch, kind: "native" });
  if (values.only !== "bin") await makeImage(path.join(root, `dist/pkg${suffix}`), { arch, kind: "node" });
} catch (error) {
  // An error with a cause says in words what the machine lacks.
  console.error(error.cause === undefined ? error.stack : error.message);
  process.exit(1);
}
