// npm run demo: sets up what is missing, then shows a container network at work in network, mount and process namespaces of its
// own: nothing on the host changes, and all of it is gone with its last process, however that ends. See test/demo/main.ts
import { spawn } from "node:child_process";
import path from "node:path";
import { environment, node, root, setup } from "./setup.mjs";

setup();
const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const argv = [...namespaces, "--", node, path.join(root, "test/demo/main.ts")];
const child = spawn("unshare", argv, { cwd: root, env: environment, stdio: "inherit" });
// A terminal sends Ctrl-C to the child as well, which ends by itself; then so does this.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGKILL"));
child.on("close", (status) => process.exit(status ?? 1));
