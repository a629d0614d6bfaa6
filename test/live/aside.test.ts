import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";
import { errorOf, leaseFiles, masqueraded } from "./traces.ts";

const config = {
  cniVersion: "1.0.0",
  name: "net1",
  type: "bridge",
  bridge: "br0",
  isGateway: true,
  ipMasq: true,
};

let lab: Lab;
let netns: string;
beforeAll(() => {
  lab = new Lab();
});
afterAll(() => lab?.dispose());

function call(command: string, wrapper: readonly string[] = []) {
  const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.88.0.0/24" };
  return lab.plugin("bridge", { command, netns, config: { ...config, ipam }, ...(wrapper.length > 0 && { wrapper }) });
}

/** Runs the executable with some of its system calls going wrong. Of a DEL the other process alone calls close_range first. */
function injecting(...faults: readonly string[]): string[] {
  const log = path.join(lab.dir, "strace");
  return [
    "strace",
    "-f",
    "-qq",
    "-e",
    "signal=none",
    ...faults.flatMap((fault) => ["-e", `inject=${fault}`]),
    "-o",
    log,
  ];
}

function isThere(): boolean {
  return lab.try(["ip", "link", "show", "dev", "eth0"], netns).status === 0;
}

function ports(): string[] {
  return lab
    .run(["ip", "-o", "link", "show", "type", "veth"])
    .split("\n")
    .filter((line) => line !== "");
}

function waitUntil(isTrue: () => boolean): boolean {
  const deadline = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > deadline) return false;
    spawnSync("sleep", ["0.01"]);
  }
  return true;
}

describe("DEL, which leaves the deletion of the interface to another process where it can", () => {
  beforeAll(() => {
    netns = lab.addNamespace("c1");
  });
  afterEach(() => {
    expect(call("DEL")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect([isThere(), ports(), leaseFiles(lab), masqueraded(lab)]).toEqual([false, [], [], []]);
  });

  it.each([
    ["that process is refused", ["clone:error=EPERM"]],
    ["there is no room for it", ["clone:error=EAGAIN"]],
    ["the kernel cannot close many files at once", ["close_range:error=ENOSYS"]],
  ])("succeeds where %s", (_, faults) => {
    expect(call("ADD")).toMatchObject({ status: 0 });
    expect(call("DEL", injecting(...faults))).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect([isThere(), ports()]).toEqual([false, []]);
  });

  it("succeeds where that process is killed before it has sent anything, unless it is killed as well", () => {
    expect(call("ADD")).toMatchObject({ status: 0 });
    const { status, stdout } = call("DEL", injecting("close_range:signal=KILL"));
    expect(stdout).toBe("");
    expect([isThere(), ports().length]).toEqual(status === 0 ? [false, 0] : [true, 1]);
  });

  it("reports a refusal, and keeps the lease", () => {
    expect(call("ADD")).toMatchObject({ status: 0 });
    const wrapper = ["setpriv", "--bounding-set=-net_admin"];
    const refused = errorOf(call("DEL", wrapper));
    expect(refused.msg).toMatch(/Cannot delete link "veth\w+": Operation not permitted/);
    expect(leaseFiles(lab)).toHaveLength(1);
    expect(ports()).toHaveLength(1);
  });

  it("that is killed after it has begun has left nothing half done, and the next one ends the rest", () => {
    expect(call("ADD")).toMatchObject({ status: 0 });
    expect(call("DEL", injecting("ioctl:signal=KILL"))).not.toMatchObject({ status: 0 });
    // The other process goes on where there is one.
    expect(waitUntil(() => ports().length === (isThere() ? 1 : 0))).toBe(true);
    expect(leaseFiles(lab)).toHaveLength(1);
  });

  it("gives the name free at once", () => {
    for (let round = 0; round < 10; round++) {
      expect(call("ADD")).toMatchObject({ status: 0, stderr: "" });
      expect(call("DEL")).toMatchObject({ status: 0, stdout: "" });
    }
  });

  it("leaves no process behind, neither at work nor as a zombie, where the first process takes care of orphans", () => {
    expect(call("ADD")).toMatchObject({ status: 0 });
    const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.88.0.0/24" };
    const file = path.join(lab.dir, "config");
    fs.writeFileSync(file, JSON.stringify({ ...config, ipam }));
    const script = `
      CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_NETNS=${netns} CNI_IFNAME=eth0 CNI_PATH=${binDir} ${binDir}/bridge < ${file}
      sleep 1; for status in /proc/[0-9]*/status; do grep ^Name $status; done`;
    const names = lab.run(["unshare", "--pid", "--fork", "--mount-proc", "bash", "-c", script]);
    expect(isThere()).toBe(false);
    expect(names).not.toContain("bridge");
  });
});
