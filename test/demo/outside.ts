import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Listens in a namespace for a ping: resolves `ready` when it listens, and `source` to the address that the first one comes from. */
export function watch(netns: string): { ready: Promise<void>; source: Promise<string> } {
  const argv = [
    "netns",
    "exec",
    netns,
    "tcpdump",
    "--immediate-mode",
    "-lnc1",
    "-i",
    "eth0",
    "icmp[icmptype] == icmp-echo",
  ];
  const child = spawn("ip", argv, { stdio: ["ignore", "pipe", "pipe"] });
  const { promise: ready, resolve: listens } = Promise.withResolvers<void>();
  const { promise: source, resolve: saw, reject } = Promise.withResolvers<string>();
  createInterface(child.stderr).on("line", (line) => line.startsWith("listening on") && listens());
  createInterface(child.stdout).on("line", (line) => saw(/IP (\S+) > /.exec(line)?.[1] ?? line));
  child.on("close", (status) => reject(new Error(`tcpdump in ${netns} ended with ${status} and saw no ping`)));
  return { ready, source };
}
