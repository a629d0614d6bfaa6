// The archive of one architecture. Its executables are at the top, as in the CNI project's archives, so that what unpacks those into
// /opt/cni/bin unpacks this.
import fs from "node:fs";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "fflate";
import { pack } from "tar-stream";
import { names } from "../tree.mjs";

/** Writes the archive. `image` is a folder with the executables, `files` the texts of all else by path. */
export async function makeArchive(output, { release: { version, time }, arch, image, files }) {
  const tar = await makeTar([...executables(image), ...foldersOf(files), ...textsOf(files)], new Date(time * 1000));
  // In JavaScript: zlib's output depends on its version and on the processor.
  const compressed = gzipSync(tar, { level: 9, mtime: time * 1000 });
  fs.writeFileSync(path.join(output, `cni-plugins-ts-linux-${arch}-v${version}.tgz`), compressed);
}

/** Hard links: one copy, in the archive too. */
function executables(image) {
  const [first, ...others] = names.toSorted();
  const links = others.map((name) => ({ name, type: "link", linkname: first, mode: 0o755 }));
  return [{ name: first, mode: 0o755, content: fs.readFileSync(path.join(image, first)) }, ...links];
}

function textsOf(files) {
  return Object.entries(files).map(([name, text]) => ({ name, mode: 0o644, content: text }));
}

function foldersOf(files) {
  const all = Object.keys(files).flatMap((name) => {
    const parts = name.split("/").slice(0, -1);
    return parts.map((_, depth) => `${parts.slice(0, depth + 1).join("/")}/`);
  });
  return [...new Set(all)].map((name) => ({ name, type: "directory", mode: 0o755 }));
}

/** In the order of the names, and with root as owner. GNU tar's headers depend on its version. */
async function makeTar(entries, mtime) {
  const tar = pack();
  const bytes = buffer(tar);
  for (const { content, ...header } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    tar.entry({ ...header, mtime, uid: 0, gid: 0 }, content);
  tar.finalize();
  return bytes;
}
