import { spawn } from "node:child_process";
import readline from "node:readline";
import { binDir } from "../lab.ts";
import { MAKE_WORLD } from "./world.ts";

/**
 * Runs a program of Node.js in a world: network, mounts and processes of its own, which end with this process. Yields what it tells, a line of JSON
 * each. `reports` is a folder that stays as it is.
 */
export async function* tellings(argv: readonly string[], reports = "") {
  const namespaces = [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--propagation",
    "private",
    "--kill-child",
  ];
  const inside = ["sh", "-c", MAKE_WORLD, "sh", binDir, reports, process.execPath, ...argv];
  const child = spawn("unshare", [...namespaces, ...inside], { stdio: ["ignore", "pipe", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => {
      child.kill("SIGKILL");
      setImmediate(() => process.exit(1));
    });
  for await (const line of readline.createInterface({ input: child.stdout })) yield JSON.parse(line);
}
