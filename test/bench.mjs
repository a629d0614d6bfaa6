// npm run bench: sets up what is missing, then measures. Arguments: see test/bench/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { ensureKernel, setup } from "./setup.mjs";

setup({ packagings: ["bin", "pkg"] });
ensureKernel();
const argv = [path.join(root, "test/bench/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
