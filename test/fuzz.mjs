// npm run fuzz: sets up what is missing, then looks for inputs that are answered wrongly. Arguments: see test/fuzz/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

setup();
ensureKernel();
const argv = [path.join(root, "test/fuzz/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
