import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isIndexComplete } from "../../../plugins/host-local/lease-index.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { tryFlock } from "../../../src/linux/flock.ts";
import { config, hostLocal, type Outcome, temporaryFolder } from "./host-local.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("CHECK", () => {
  test("succeeds where a lease names the interface, or the container alone", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input).status).toBe(0);
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 0, stdout: "" });
    fs.writeFileSync(path.join(dataDir, "mynet", "10.1.2.2"), "dummy");
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 0, stdout: "" });
  });

  test.each([[{ containerId: "zzz", ifname: "eth0" }], [{ containerId: "zzz", ifname: "eth1" }]])(
    "fails where none does, and makes no folder (%j)",
    (call) => {
      const dataDir = temporaryFolder();
      const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
      expect(hostLocal("CHECK", input, call)).toMatchObject({
        status: 1,
        json: {
          code: 104,
          msg: "host-local: Failed to find address added by container zzz",
          details: `no file in "${dataDir}/mynet" names it with interface ${call.ifname}`,
        },
      });
      expect(fs.readdirSync(dataDir)).toEqual([]);
    },
  );

  test("finds the lease of a Go plugin, before and after the first call of ours that writes", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    fs.mkdirSync(path.join(dataDir, "mynet"));
    fs.writeFileSync(path.join(dataDir, "mynet/10.1.2.7"), "c7\r\neth0");
    expect(hostLocal("CHECK", input, { containerId: "c7" })).toMatchObject({ status: 0, stderr: "" });
    expect(fs.readdirSync(path.join(dataDir, "mynet"))).toEqual(["10.1.2.7"]);
    expect(hostLocal("ADD", input).status).toBe(0);
    fs.writeFileSync(path.join(dataDir, "mynet/10.1.2.8"), "c8\r\neth0");
    expect(hostLocal("CHECK", input, { containerId: "c8" })).toMatchObject({ status: 0, stderr: "" });
    expect(hostLocal("CHECK", input, { containerId: "c9" }).json.code).toBe(104);
  });

  test("refuses a configuration that ADD would refuse", () => {
    const input = config("1.1.0", temporaryFolder(), {});
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 1, json: { code: 7, msg: "no IP ranges specified" } });
  });
});

describe("CHECK with prevResult", () => {
  const given = (...addresses: string[]) => ({ cniVersion: "1.1.0", ips: addresses.map((address) => ({ address })) });

  /** An ADD of dummy, which has .2 of each set, and then a CHECK with that prevResult. */
  function checked(prevResult: unknown): Outcome {
    const input = config("1.1.0", temporaryFolder(), {
      ipam: { ranges: [[{ subnet: "10.1.2.0/24", rangeEnd: "10.1.2.99" }], [{ subnet: "2001:db8::/64" }]] },
    });
    expect(hostLocal("ADD", input).status).toBe(0);
    return hostLocal("CHECK", { ...input, prevResult });
  }

  test.each([
    ["the leased ones", given("10.1.2.2/24", "2001:db8::2/64")],
    ["one of them, and others'", given("10.1.2.2/24", "192.0.2.7/24")],
    ["none", given()],
  ])("succeeds where its addresses are %s", (_title, prevResult) => {
    expect(checked(prevResult)).toMatchObject({ status: 0, stdout: "" });
  });

  test.each([["10.1.2.3"], ["10.1.2.200"]])(
    "fails where it has %s, which is not leased to the interface",
    (address) => {
      expect(checked(given(`${address}/24`, "2001:db8::2/64")).json).toEqual({
        code: 104,
        msg: `host-local: Cannot find the lease of ${address}`,
        details: `prevResult has ${address}, 2001:db8::2; leased to container dummy, interface eth0: 10.1.2.2, 2001:db8::2`,
      });
    },
  );

  test("names every address without a lease", () => {
    expect(checked(given("10.1.2.3/24", "2001:db8::3/64")).json.msg).toBe(
      "host-local: Cannot find the lease of 10.1.2.3, 2001:db8::3",
    );
  });
});

describe("CHECK of the records", () => {
  /** A network in which c1 has .2 by an ADD. `files` are there before, as a Go plugin leaves them. */
  function leased(files: Record<string, string> = {}): { folder: string; check: (containerId: string) => Outcome } {
    const dataDir = temporaryFolder();
    const folder = path.join(dataDir, "mynet");
    fs.mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { containerId: "c1" }).status).toBe(0);
    return { folder, check: (containerId) => hostLocal("CHECK", input, { containerId }) };
  }

  test("reads no lease of others, and neither waits for a lock nor mentions one, where they are complete", () => {
    const { folder, check } = leased({ lock: "", "10.1.2.9": "c9\r\neth0" });
    const fd = fs.openSync(path.join(folder, "lock"), "r");
    try {
      expect(tryFlock(fd)).toBe(true);
      const list = vi.spyOn(fs, "readdirSync");
      expect(check("c1")).toMatchObject({ status: 0, stderr: "" });
      expect(list.mock.calls).toEqual([]);
    } finally {
      fs.closeSync(fd);
    }
  });

  test("completes them where they are not", () => {
    const { folder, check } = leased();
    fs.writeFileSync(path.join(folder, "10.1.2.9"), "c9\r\neth0");
    expect(isIndexComplete(folder, readBoot())).toBe(false);
    expect(check("c9")).toMatchObject({ status: 0, stderr: "" });
    expect(isIndexComplete(folder, readBoot())).toBe(true);
  });

  test("reads all leases where there can be none", () => {
    const { folder, check } = leased({ "10.1.2.9": "c9\r\neth0" });
    fs.rmSync(path.join(folder, ".state"), { recursive: true });
    fs.writeFileSync(path.join(folder, ".state"), "");
    expect(["c1", "c9", "c8"].map((containerId) => check(containerId).status)).toEqual([0, 0, 1]);
  });
});
