// npm run test:faults: sets up what is missing, then has everything fail that can. Arguments: see test/faults/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

setup();
ensureKernel();
const argv = [path.join(root, "test/faults/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
