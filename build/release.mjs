// Makes a release in dist/release: for each architecture an archive, and packages for Debian and RPM; for all of them a bill of materials,
// the notices of others, release notes and checksums. The same commit gives the same bytes, wherever and by whomever it is made.
// `--changed` also releases a tree with changes, for a trial.
import fs from "node:fs";
import path from "node:path";
import { findCommit, listChanges } from "./commit.mjs";
import { makeImage } from "./image.mjs";
import { requireRunner } from "./native-image.mjs";
import { readOptions } from "./options.mjs";
import { makeArchive } from "./release/archive.mjs";
import { formatBom } from "./release/bom.mjs";
import { writeChecksums } from "./release/checksums.mjs";
import { findComponents } from "./release/components.mjs";
import { collectFiles } from "./release/files.mjs";
import { cutNotes } from "./release/notes.mjs";
import { formatNotices } from "./release/notices.mjs";
import { makeSystemPackages } from "./release/system-packages.mjs";
import { manifest, root } from "./tree.mjs";

/** Node.js's names of architectures, and those of Go, Debian and containers. */
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" };

const values = readOptions("npm run release -- [--output FOLDER] [--changed]", {
  output: { type: "string", default: path.join(root, "dist/release") },
  changed: { type: "boolean" },
});

try {
  await makeRelease(path.resolve(values.output));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

async function makeRelease(output) {
  const release = describeRelease();
  // Before minutes of work, and before the last release is deleted.
  for (const arch of Object.keys(ARCHITECTURES)) requireRunner(arch);
  const work = path.join(output, ".work");
  fs.rmSync(output, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });
  const components = await findComponents();
  const notices = formatNotices(components);
  const images = {};
  for (const [arch, name] of Object.entries(ARCHITECTURES)) {
    images[name] = path.join(work, name);
    await makeImage(images[name], { arch, kind: "native", mustRun: true });
  }
  const files = collectFiles({ release, notices, cnictl: path.join(images[ARCHITECTURES[process.arch]], "cnictl") });
  for (const [arch, image] of Object.entries(images)) await makeArchive(output, { release, arch, image, files });
  makeSystemPackages(output, { release, images, files, work });
  const write = (name, text) => fs.writeFileSync(path.join(output, name), text);
  write(`cni-plugins-ts-v${release.version}.cdx.json`, formatBom(release, components));
  write("THIRD-PARTY-NOTICES.txt", notices);
  write("RELEASE-NOTES.md", cutNotes(fs.readFileSync(path.join(root, "CHANGELOG.md"), "utf8"), release));
  fs.rmSync(work, { recursive: true });
  writeChecksums(output);
  for (const name of fs.readdirSync(output).sort()) console.log(path.relative(root, path.join(output, name)));
}

/** Version, commit, day and time of the release. @throws Error if the tree is not that of a commit */
function describeRelease() {
  const { commit, date, time } = findCommit(root);
  if (commit === "") throw new Error("Cannot make a release: this tree is neither a clone nor an archive of a commit");
  const changes = listChanges(root, "all");
  if (changes.length > 0 && !values.changed)
    throw new Error(
      `Cannot make a release of a tree with changes: commit them, or add --changed\n${changes.join("\n")}`,
    );
  return { version: manifest.version, commit, date, time: Number(time) };
}
