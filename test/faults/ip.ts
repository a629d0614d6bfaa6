import { spawnSync } from "node:child_process";

/** Runs `ip` with each of these arguments, in a namespace if one is named. @throws Error if one fails */
export function ip(commands: readonly (readonly string[])[], netns?: string): void {
  const within = netns === undefined ? [] : ["-n", netns];
  for (const args of commands) {
    const { status, stderr } = spawnSync("ip", [...within, ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${[...within, ...args].join(" ")} failed with ${status}: ${stderr}`);
  }
}
