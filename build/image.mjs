// A folder of executables: one file, with a hard link for each name.
import fs from "node:fs";
import path from "node:path";
import { buildNative } from "./native-image.mjs";
import { names, root } from "./tree.mjs";

/** Builds the image in a new folder. `kind` is "native" or "node"; the other options are those of buildNative(). */
export async function makeImage(directory, { arch, kind, ...options }) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const image = path.join(directory, names[0]);
  if (kind === "native") await buildNative(image, { arch, ...options });
  else await (await import("./node-image.mjs")).buildNode(image, { arch });
  fs.chmodSync(image, 0o755);
  for (const name of names.slice(1)) fs.linkSync(image, path.join(directory, name));
  const megabytes = (fs.statSync(image).size / 1e6).toFixed(1);
  console.log(`${path.relative(root, directory)}: ${names.join(" ")} (${megabytes} MB, one file)`);
}
