// npm run demo: sets up what is missing, then shows a container network at work in network, mount and process namespaces of its
// own, and without root in a user namespace too: nothing on the host changes, and all of it is gone with its last process, however that
// ends. See test/demo/main.ts
import { spawn } from "node:child_process";
import path from "node:path";
import { environment, node, root } from "../build/node.mjs";
import { bin, setup } from "./setup.mjs";
import { asRoot, fail, findMissingFeature, isRoot } from "./system.mjs";

setup({ tools: ["demo"], dev: false });
// The user namespace comes first: the kernel gives files of a network namespace to whoever its root is by then.
const user = isRoot ? [] : ["--user", "--map-root-user", "unshare"];
const namespaces = [...user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const problem = findMissingFeature(namespaces);
if (problem !== undefined)
  fail(problem.message, isRoot ? problem.help : `${asRoot("npm run demo")} (users may not make such namespaces here)`);
const argv = [...namespaces, "--", node, path.join(root, "test/demo/main.ts")];
const child = spawn("unshare", argv, { cwd: root, env: { ...environment, CNI_BIN_DIR: bin }, stdio: "inherit" });
// A terminal sends Ctrl-C to the child as well, which ends by itself; then so does this.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGKILL"));
child.on("close", (status) => process.exit(status ?? 1));
