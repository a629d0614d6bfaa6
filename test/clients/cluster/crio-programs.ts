import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { cache, goExecutable, sourcesOf } from "../runtimes/go-module.ts";

const VERSION = "1.34.0";
const MODULE = "github.com/cri-o/cri-o";

/** What spares it libraries in C. */
const TAGS = ["containers_image_ostree_stub", "containers_image_openpgp", "exclude_graphdriver_btrfs"];

/** CRI-O's program in C that makes namespaces. */
const pinns = path.join(cache, `pinns-${VERSION}`);

/** CRI-O and its pinns: executables, made once. @throws Error that says what was tried */
export function crioFiles(): { crio: string; pinns: string } {
  const required = [`${MODULE} v${VERSION}`];
  const crio = goExecutable({
    name: "crio",
    version: VERSION,
    main: `${MODULE}/cmd/crio`,
    required,
    tags: TAGS,
    prepare,
  });
  return { crio, pinns };
}

function prepare(folder: string, run: (...argv: string[]) => string): void {
  const source = sourcesOf(`${MODULE}@v${VERSION}`, run);
  // The checksum database does not know every module that it takes. Its own list of checksums does.
  fs.copyFileSync(path.join(source, "go.sum"), path.join(folder, "go.sum"));
  const sources = fs.globSync("pinns/src/*.c", { cwd: source }).map((name) => path.join(source, name));
  const made = path.join(folder, "pinns");
  execFileSync("gcc", ["-std=c99", "-Os", "-static", "-o", made, ...sources], { stdio: "pipe" });
  fs.mkdirSync(cache, { recursive: true });
  fs.copyFileSync(made, pinns);
}
