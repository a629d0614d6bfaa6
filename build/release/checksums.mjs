// SHA256SUMS and SHA512SUMS, for `sha256sum --check` and `sha512sum --check`.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

/** Writes the sums of all files in a folder. */
export function writeChecksums(folder) {
  const files = fs.readdirSync(folder).sort();
  const contents = files.map((name) => fs.readFileSync(path.join(folder, name)));
  for (const algorithm of ["sha256", "sha512"]) {
    const lines = contents.map((bytes, i) => `${createHash(algorithm).update(bytes).digest("hex")}  ${files[i]}\n`);
    fs.writeFileSync(path.join(folder, `${algorithm.toUpperCase()}SUMS`), lines.join(""));
  }
}
