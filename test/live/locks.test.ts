import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;
let config: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  // Others may enter it, as they may /var/lib/cni/networks.
  fs.chmodSync(lab.dir, 0o755);
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  const bridge = { type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, removeEmptyBridge: true };
  config = { cniVersion: "1.1.0", name: "net1", ...bridge, ipam };
});

afterEach(() => lab.dispose());

function call(command: string, containerId: string, netns: string): void {
  const outcome = lab.plugin("bridge", { command, config, containerId, netns });
  expect(outcome, outcome.stdout).toMatchObject({ status: 0, stderr: "" });
}

/** As a user without any right, locks every file and folder that it may open, says which, and keeps them. */
const HOLD = `
import ctypes, fcntl, os, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
# Its own files in /proc become its own, as after execve(2): PR_SET_DUMPABLE <linux/prctl.h>
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
paths = ["/proc/self/ns/" + name for name in os.listdir("/proc/self/ns")]
for top in sys.argv[1:]:
    for folder, folders, files in os.walk(top):
        paths += [folder] + [os.path.join(folder, name) for name in files]
held = []
for path in paths:
    for flags in (os.O_RDONLY, os.O_WRONLY):
        try:
            fd = os.open(path, flags | os.O_NONBLOCK)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(path)
            break
        except OSError:
            pass
print("\\n".join(held), flush=True)
sys.stdin.read()
`;

it("what a user without any right locks keeps no ADD and no DEL waiting", async () => {
  const [one, two] = [lab.addNamespace("one"), lab.addNamespace("two")];
  call("ADD", "one", one);
  const argv = [`--net=${lab.host}`, "--", "python3", "-c", HOLD, lab.dataDir, "/run/cni"];
  const holder = spawn("nsenter", argv, { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [said] = await Promise.race([once(holder.stdout, "data"), once(holder, "close")]);
    const held = String(said).split("\n");
    expect(held).toContain("/proc/self/ns/net");
    expect(held.filter((path) => path.startsWith(lab.dir))).toEqual([lab.dataDir, `${lab.dataDir}/net1`]);
    expect(held.filter((path) => path.startsWith("/run/cni/"))).toEqual([]);
    call("ADD", "two", two);
    call("DEL", "one", one);
    call("DEL", "two", two);
    expect(lab.ip("link show type bridge")).toEqual([]);
  } finally {
    holder.kill();
  }
});

it("where /run cannot be written, ADD and DEL do without the lock on bridges", () => {
  const one = lab.addNamespace("one");
  const script = 'mount -t tmpfs -o ro none /run && exec "$@"';
  const fd = fs.openSync(one, "r");
  try {
    const netns = `/proc/${process.pid}/fd/${fd}`;
    for (const command of ["ADD", "DEL"]) {
      const wrapper = ["unshare", "--mount", "sh", "-c", script, "sh"];
      const outcome = lab.plugin("bridge", { command, config, containerId: "one", netns, wrapper });
      expect(outcome, outcome.stdout).toMatchObject({ status: 0, stderr: "" });
    }
  } finally {
    fs.closeSync(fd);
  }
  expect(lab.ip("link show type bridge")).toEqual([]);
});
