// The archive of one architecture. Its executables are at the top, as in the CNI project's archives, so that what unpacks those into
// /opt/cni/bin unpacks this.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "fflate";
import { names } from "../tree.mjs";

/** What GNU tar would take from the machine, the user or the clock. */
const REPRODUCIBLE = [
  "--format=ustar",
  "--sort=name",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--mode=u=rwX,go=rX",
];

/** Writes the archive. `image` is a folder with the executables, `files` the texts of all else by path. */
export function makeArchive(output, { release: { version, time }, arch, image, files }) {
  const folder = `${image}.archive`;
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  // Hard links: one copy, in the archive too.
  for (const name of names) fs.linkSync(path.join(image, name), path.join(folder, name));
  const top = fs.readdirSync(folder).sort();
  const tar = execFileSync("tar", ["-c", ...REPRODUCIBLE, `--mtime=@${time}`, "-C", folder, ...top], {
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: "C", TAR_OPTIONS: "" },
  });
  // In JavaScript: zlib's output depends on its version and on the processor.
  const compressed = gzipSync(tar, { level: 9, mtime: time * 1000 });
  fs.writeFileSync(path.join(output, `cni-plugins-ts-linux-${arch}-v${version}.tgz`), compressed);
}
