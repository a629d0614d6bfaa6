// npm run test:leases: sets up what is missing, then has the daemon keep leases for a while. Arguments: see test/leases/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

setup();
ensureKernel();
const argv = [path.join(root, "test/leases/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
