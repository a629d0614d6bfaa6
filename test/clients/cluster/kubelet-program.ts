import fs from "node:fs";
import path from "node:path";
import { goExecutable, sourcesOf } from "../runtimes/go-module.ts";

const VERSION = "1.34.4";
const MODULE = "k8s.io/kubernetes";

/** The kubelet: an executable, made once, which takes a quarter of an hour. @throws Error that says what was tried */
export function kubeletFile(): string {
  return goExecutable({ name: "kubelet", version: VERSION, main: `${MODULE}/cmd/kubelet`, required: [], prepare });
}

/** Its go.mod has its libraries as folders of its repository, which are not in the module. Their releases have the same number, behind a 0. */
function prepare(_: string, run: (...argv: string[]) => string): void {
  const source = sourcesOf(`${MODULE}@v${VERSION}`, run);
  const text = fs.readFileSync(path.join(source, "go.mod"), "utf8");
  const libraries = [...text.matchAll(/(\S+) => \.\/staging\//g)].map(([, name]) => name);
  const release = VERSION.replace(/^1\./, "v0.");
  const replacements = libraries.map((name) => `-replace=${name}=${name}@${release}`);
  run("mod", "edit", `-require=${MODULE}@v${VERSION}`, ...replacements);
}
