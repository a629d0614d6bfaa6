import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { hostLocal, type Outcome, temporaryFolder } from "./host-local.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const FUNCTIONS = Object.entries(fs).flatMap(([name, value]) =>
  name.endsWith("Sync") && typeof value === "function" ? [name] : [],
);

/** How often a call calls which function of node:fs. */
function costOf(call: () => Outcome): Record<string, number> {
  const spies = FUNCTIONS.map((name) => [name, vi.spyOn(fs, name as never)] as const);
  const { status, stdout, stderr } = call();
  const counts = spies.map(([name, spy]) => [name, (spy as { mock: { calls: unknown[] } }).mock.calls.length] as const);
  vi.restoreAllMocks();
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** A network with so many leases, of which host-local knows since an earlier call. */
function networkWith(leases: number): object {
  const dataDir = temporaryFolder();
  const folder = path.join(dataDir, "net1");
  fs.mkdirSync(folder);
  for (let index = 0; index < leases; index++) {
    fs.writeFileSync(path.join(folder, `10.1.${Math.floor(index / 250)}.${(index % 250) + 2}`), `old${index}\r\neth0`);
  }
  const ipam = { type: "host-local", dataDir, subnet: "10.1.0.0/16" };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", ipam };
  for (const command of ["ADD", "DEL"]) expect(hostLocal(command, config, { containerId: "first" }).status).toBe(0);
  return config;
}

/** How many calls more there may be: whether the index is complete shows sooner where two folders were dated in one tick of the clock. */
const TOLERANCE = 2;

describe("a call on 20 leases and on 500", () => {
  test.each(["ADD", "CHECK", "STATUS", "DEL"])("%s reads and writes as many files", (command) => {
    const [few = {}, many = {}] = [20, 500].map((leases) => {
      const config = networkWith(leases);
      if (command !== "ADD") expect(hostLocal("ADD", config).status).toBe(0);
      return costOf(() => hostLocal(command, config));
    });
    for (const [name, count] of Object.entries(many)) {
      expect(count, name).toBeLessThanOrEqual((few[name] ?? 0) + TOLERANCE);
    }
    if (command !== "STATUS") expect(many).not.toHaveProperty("readdirSync");
  });
});
