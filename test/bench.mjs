// npm run bench: sets up what is missing, then measures. Arguments: see test/bench/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

const { contender = [] } = parseArgs({
  options: { contender: { type: "string", multiple: true } },
  strict: false,
}).values;
// A lab needs dist/bin, whoever is measured.
const isAsked = (packaging) => packaging === "bin" || contender.length === 0 || contender.includes(`dist/${packaging}`);
setup({ packagings: ["bin", "pkg"].filter(isAsked) });
ensureKernel();
const argv = [path.join(root, "test/bench/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
