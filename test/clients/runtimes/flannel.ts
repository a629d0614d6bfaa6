import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { withGo } from "../../parity/go.ts";

/** The last release of the CNI project's plugins that has flannel's, which has its own repository since, and does the same there. */
const PLUGINS_VERSION = "0.9.1";
/** With that release's own library it would know no version after 0.4.0. */
const LIBRARY_VERSION = "1.3.0";

const cache = path.join(import.meta.dirname, "../../../.cache/runtimes");

/** flannel's CNI plugin: an executable, made once. @throws Error that says what was tried */
export function flannelPlugin(): string {
  const file = path.join(cache, `flannel-${PLUGINS_VERSION}`);
  if (!fs.existsSync(file)) withGo(`Cannot make flannel's plugin ${PLUGINS_VERSION}`, (go) => build(go, file));
  return file;
}

function build(go: string, file: string): void {
  const module = fs.mkdtempSync(path.join(os.tmpdir(), "flannel-"));
  const required = [`containernetworking/cni v${LIBRARY_VERSION}`, `containernetworking/plugins v${PLUGINS_VERSION}`];
  const lines = ["module flannel", "go 1.21", ...required.map((name) => `require github.com/${name}`)];
  fs.writeFileSync(path.join(module, "go.mod"), `${lines.join("\n")}\n`);
  const name = "github.com/containernetworking/plugins/plugins/meta/flannel";
  const flags = ["-mod=mod", "-trimpath", "-buildvcs=false", "-o", "flannel"];
  try {
    const env = { ...process.env, CGO_ENABLED: "0" };
    const child = spawnSync(go, ["build", ...flags, name], { cwd: module, encoding: "utf8", env });
    if (child.error !== undefined) throw child.error;
    if (child.status !== 0) throw new Error(child.stderr.trim());
    fs.mkdirSync(cache, { recursive: true });
    fs.copyFileSync(path.join(module, "flannel"), `${file}.${process.pid}`);
    fs.renameSync(`${file}.${process.pid}`, file);
  } finally {
    fs.rmSync(module, { recursive: true, force: true });
  }
}
