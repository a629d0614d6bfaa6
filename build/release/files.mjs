// What a release has besides the executables.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../tree.mjs";

/** Folders of the repository that are part of a release as they are, and their files. */
const FOLDERS = { conf: /./, schema: /\.json$/, man: /\.8$/ };

/** The files by which each shell completes cnictl's arguments. */
const COMPLETIONS = { bash: "cnictl.bash", zsh: "_cnictl", fish: "cnictl.fish" };

/**
 * The text of each file by its path in the archive, sorted: lists and units (`conf`), schemas, man pages, completions, licences, and the
 * stamp. `cnictl` is an executable that runs here.
 */
export function collectFiles({ release: { version, commit, date }, notices, cnictl }) {
  const copied = Object.entries(FOLDERS).flatMap(([folder, wanted]) =>
    filesIn(folder)
      .filter((file) => wanted.test(file))
      .map((file) => [file, fs.readFileSync(path.join(root, file), "utf8")]),
  );
  const completions = Object.entries(COMPLETIONS).map(([shell, name]) => [
    `completions/${name}`,
    execFileSync(cnictl, ["completion", shell], { encoding: "utf8" }),
  ]);
  const texts = [
    ["LICENSE", fs.readFileSync(path.join(root, "LICENSE"), "utf8")],
    ["THIRD-PARTY-NOTICES.txt", notices],
    ["VERSION", `cni-plugins-ts v${version}\nBuilt from commit ${commit} of ${date}\n`],
  ];
  return Object.fromEntries([...copied, ...completions, ...texts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function filesIn(folder) {
  const entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}
