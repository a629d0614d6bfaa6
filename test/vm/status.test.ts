import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

function isLoaded(module: string): boolean {
  return lab
    .run(["cat", "/proc/modules"])
    .split("\n")
    .some((line) => line.startsWith(`${module} `));
}

it("STATUS has the kernel load the module of a kind of links, as ADD would, and makes no link", () => {
  // Linux 6.1 loads one only for a request that would make a link.
  lab.run(["modprobe", "-r", "ifb"]);
  expect(isLoaded("ifb")).toBe(false);
  const limits = { egressRate: 1_000_000, egressBurst: 1_000_000 };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bandwidth", ...limits };
  const outcome = lab.plugin("bandwidth", { command: "STATUS", config, containerId: "", ifname: "" });
  expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(isLoaded("ifb")).toBe(true);
  expect(lab.ip("link show type ifb", lab.host)).toEqual([]);
});
