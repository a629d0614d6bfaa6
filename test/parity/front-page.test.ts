import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { network } from "./networks.ts";
import { playBoth, type Side } from "./twins.ts";

/** A range set of one address. */
const ONE_ADDRESS = [[{ subnet: "10.9.0.0/30", rangeEnd: "10.9.0.2" }]];

function hostLocal(side: Side, fields: object = {}) {
  const ipam = { type: "host-local", dataDir: side.lab.dataDir, ranges: ONE_ADDRESS };
  return { cniVersion: "1.1.0", name: "testConfig", ipam, ...fields };
}

function leases(side: Side): string[] {
  return side.lab.leases("testConfig").filter((name) => /^[\d.]+$/.test(name));
}

/** Runs host-local for a container; returns its exit status. */
function call(side: Side, command: string, options: { containerId?: string; wrapper?: readonly string[] } = {}) {
  return side.step(command, hostLocal(side), { plugin: "host-local", ...options }).status;
}

/** How another container's ADD ends once the container with the only address is gone without DEL, tried for 3 s. */
function addAfterLoss(side: Side): number | null {
  call(side, "ADD");
  side.removeNetns("c1");
  const deadline = Date.now() + 3000;
  for (;;) {
    const status = call(side, "ADD", { containerId: "c2" });
    if (status === 0 || Date.now() > deadline) return status;
  }
}

/** What README.md says of both sides. */
describe("README.md's table beside the Go plugins", () => {
  it("leases of lost containers: the range is full for the reference, ours reclaims", () => {
    const { reference, ours } = playBoth((side) => {
      // A process of another test may have the namespace among its mounts, or another's namespace may get its inode: then the next one.
      const attempts = side.isReference ? 1 : 20;
      for (let attempt = 1; ; attempt++) {
        const status = addAfterLoss(side);
        if (status === 0 || attempt === attempts) return status;
        call(side, "DEL");
      }
    });
    expect({ reference, ours }).toEqual({ reference: 1, ours: 0 });
  });

  it("the same address after a reboot: an error of the reference's", () => {
    const { reference, ours } = playBoth((side) => {
      const bootId = path.join(side.lab.dir, "boot_id");
      fs.writeFileSync(bootId, "00000001-0000-4000-8000-000000000000\n");
      const mount = `mount --bind ${bootId} /proc/sys/kernel/random/boot_id && exec "$0"`;
      call(side, "ADD", { wrapper: ["unshare", "--mount", "--propagation=private", "sh", "-c", mount] });
      return { status: call(side, "ADD"), leases: leases(side) };
    });
    expect(reference).toEqual({ status: 1, leases: ["10.9.0.2"] });
    expect(ours).toEqual({ status: 0, leases: ["10.9.0.2"] });
  });

  it("GC: does nothing in the reference", () => {
    const { reference, ours } = playBoth((side) => {
      call(side, "ADD");
      const { status } = side.step("GC", hostLocal(side, { "cni.dev/valid-attachments": [] }), {
        plugin: "host-local",
      });
      return { status, leases: leases(side) };
    });
    expect(reference).toEqual({ status: 0, leases: ["10.9.0.2"] });
    expect(ours).toEqual({ status: 0, leases: [] });
  });

  it("STATUS: the reference is ready without a free address", () => {
    const { reference, ours } = playBoth((side) => {
      call(side, "ADD");
      return call(side, "STATUS");
    });
    expect({ reference, ours }).toEqual({ reference: 0, ours: 1 });
  });

  it("DEL where the path leads to another container: the reference takes that one's interface", () => {
    const { reference, ours } = playBoth((side) => {
      const config = network(side, { cniVersion: "1.1.0" });
      for (const containerId of ["c1", "c2"]) side.add(config, { containerId });
      side.step("DEL", config, { containerId: "c1", netns: side.netns("c2") });
      return side.lab.ip("link show", side.netns("c2")).map((link) => String(Object(link).ifname));
    });
    expect(reference).toEqual(["lo"]);
    expect(ours).toEqual(["lo", "eth0"]);
  });

  it("a host port that is in use: the reference maps it a second time", () => {
    const { reference, ours } = playBoth((side) => {
      const config = network(side, { cniVersion: "1.1.0" });
      const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] };
      return ["c1", "c2"].map((containerId) => {
        const prevResult = side.add(config, { containerId });
        const mapping = { cniVersion: "1.1.0", name: "testConfig", type: "portmap", prevResult, runtimeConfig };
        return side.step("ADD", mapping, { containerId, plugin: "portmap" }).status;
      });
    });
    expect(reference).toEqual([0, 0]);
    expect(ours).toEqual([0, 1]);
  });
});
