import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

/** The native image, whatever is tested beside it. */
const BRIDGE = path.join(import.meta.dirname, "../../dist/bin/bridge");

/** The number of read(2), as /proc/PID/syscall has it. */
const READ = process.arch === "arm64" ? "63" : "0";

/** Kilobytes of what a line of /proc/PID/smaps names, in the writable part of the executable. */
function writable(smaps: string, what: string): number {
  const part = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).find((each) => /^\S+ rw-p .*\/bridge$/m.test(each)) ?? "";
  return Number(new RegExp(`^${what}: +(\\d+) kB$`, "m").exec(part)?.[1]);
}

test("a process that waits for its configuration has written to few pages of its heap", async () => {
  const env = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", CNI_NETNS: "/none", CNI_IFNAME: "eth0", CNI_PATH: "/none" };
  const child = spawn(BRIDGE, { env, stdio: ["pipe", "ignore", "inherit"] });
  const folder = `/proc/${child.pid}`;
  try {
    while (fs.readFileSync(`${folder}/syscall`, "utf8").split(" ")[0] !== READ) await sleep(5);
    const smaps = fs.readFileSync(`${folder}/smaps`, "utf8");
    expect(writable(smaps, "Size")).toBeGreaterThan(2000);
    expect(writable(smaps, "Private_Dirty")).toBeLessThan(200);
  } finally {
    const ended = once(child, "exit");
    child.stdin.end();
    await ended;
  }
});
