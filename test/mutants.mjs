// npm run test:mutants -- FOLDER...: sets up what is missing, then changes the code and has the unit tests find each change.
// Arguments: see test/mutants/main.ts
import { spawnSync } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { setup } from "./setup.mjs";

setup({ tools: ["unit"], packagings: [] });
const argv = [path.join(root, "test/mutants/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(node, argv, { cwd: root, env: environment, stdio: "inherit" }).status ?? 1);
