// The Node that every tool of this project runs on: the npm package that package.json pins. It is run by its own path, because
// node_modules/.bin/node is missing after an install by npm before 11.7. Plain JavaScript for Node 18, which is enough to start it.
// usage: node build/node.mjs COMMAND...   runs a command that finds this Node, and the project's other tools, first in its PATH
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

export const node = path.join(root, `node_modules/node-linux-${process.arch}/bin/node`);

const TOOLS = [path.dirname(node), path.join(root, "node_modules/.bin")];
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Environment for later tools: the pinned Node first in PATH, and the folders of system tools. */
export const environment = { ...process.env, PATH: [...TOOLS, process.env.PATH ?? "", SYSTEM_PATH].join(":") };

/** Why the pinned Node cannot be started; undefined if it can. */
export function nodeProblem() {
  if (!fs.existsSync(node))
    return `Cannot find ${node}, an optional npm package: "npm ci --include=optional" installs it`;
  const { status, stderr, error } = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (status === 0) return;
  const why = (stderr ?? error?.message ?? "").trim();
  const library = /libatomic|libstdc\+\+/.test(why) ? '. Debian has the library in "libatomic1" or "libstdc++6"' : "";
  return `Cannot start ${node}: ${why}${library}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  const problem = nodeProblem();
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  const child = problem ?? spawnSync(command, args, { env: environment, stdio: "inherit" });
  process.exit(child.status ?? 1);
}
