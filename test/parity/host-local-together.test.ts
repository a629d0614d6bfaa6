import { spawn } from "node:child_process";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { binDir } from "../lab.ts";
import { addressesOf, filesOf, hostLocal, networkOf, removeFolders } from "../live/host-local.ts";
import { referenceDir } from "./reference.ts";

const reference = referenceDir();

afterEach(removeFolders);

/** Every other attachment is the reference's. */
function binOf(index: number): string {
  return index % 2 === 0 ? binDir : reference;
}

const other = (bin: string) => (bin === binDir ? reference : binDir);

describe("host-local and the reference on one folder", () => {
  test("at once give no address twice, and each deletes the other's leases", async () => {
    const network = networkOf([["10.1.2.0/24"]]);
    const attachments = Array.from({ length: 253 }, (_, index) => ({ containerId: `c${index}`, bin: binOf(index) }));
    const added = await Promise.all(attachments.map((each) => hostLocal("ADD", network, each)));
    const given = added.flatMap(addressesOf);
    expect(new Set(given).size).toBe(253);
    const { "last_reserved_ip.0": _last, lock: _lock, ...leases } = filesOf(network);
    expect(leases).toEqual(Object.fromEntries(given.map((address, index) => [address, `c${index}\r\neth0`])));

    for (const bin of [binDir, reference]) {
      const refused = await hostLocal("ADD", network, { containerId: "one-too-many", bin });
      expect([refused.status, JSON.parse(refused.stdout).msg]).toEqual([
        1,
        "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.254",
      ]);
    }

    const checked = attachments
      .slice(0, 20)
      .map(({ containerId, bin }) => hostLocal("CHECK", network, { containerId, bin: other(bin) }));
    expect((await Promise.all(checked)).filter(({ status }) => status !== 0)).toEqual([]);
    const deleted = attachments.map(({ containerId, bin }) =>
      hostLocal("DEL", network, { containerId, bin: other(bin) }),
    );
    expect((await Promise.all(deleted)).filter(({ status }) => status !== 0)).toEqual([]);
    expect(Object.keys(filesOf(network))).toEqual(["last_reserved_ip.0", "lock"]);
  });

  test("with ADDs and DELs mixed never give one address to two", async () => {
    const network = networkOf([["10.1.2.0/25"], ["2001:db8::/64"]]);
    const kept = await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        const call = { containerId: `c${index}`, bin: binOf(index) };
        const addresses = addressesOf(await hostLocal("ADD", network, call));
        if (index % 3 === 0) return addresses.map((address) => [address, `c${index}\r\neth0`]);
        expect((await hostLocal("DEL", network, { ...call, bin: binOf(index + (index % 3)) })).status).toBe(0);
        return [];
      }),
    );
    const { "last_reserved_ip.0": _v4, "last_reserved_ip.1": _v6, lock: _lock, ...leases } = filesOf(network);
    expect(leases).toEqual(Object.fromEntries(kept.flat()));
    expect(Object.keys(leases)).toHaveLength(54);
  });

  test("take turns in the reference's order, and leave the same files", async () => {
    const network = networkOf([["10.1.2.0/29"], ["2001:db8::/64"]]);
    const given: string[][] = [];
    for (const [index, bin] of [binDir, reference, binDir, reference].entries()) {
      given.push(addressesOf(await hostLocal("ADD", network, { containerId: `c${index}`, bin })));
      if (index === 1) expect((await hostLocal("DEL", network, { containerId: "c1", bin: binDir })).status).toBe(0);
    }
    expect(given).toEqual([2, 3, 4, 5].map((n) => [`10.1.2.${n}`, `2001:db8::${n}`]));
    expect(filesOf(network)).toEqual({
      "10.1.2.2": "c0\r\neth0",
      "10.1.2.4": "c2\r\neth0",
      "10.1.2.5": "c3\r\neth0",
      "2001:db8::2": "c0\r\neth0",
      "2001:db8::4": "c2\r\neth0",
      "2001:db8::5": "c3\r\neth0",
      "last_reserved_ip.0": "10.1.2.5",
      "last_reserved_ip.1": "2001:db8::5",
      lock: "",
    });
  });

  test.each([[binDir], [reference]])("refuse a second ADD, whoever made the first (%s)", async (bin) => {
    const network = networkOf([["10.1.2.0/24"]]);
    addressesOf(await hostLocal("ADD", network, { bin: other(bin) }));
    const refused = await hostLocal("ADD", network, { bin });
    expect([refused.status, JSON.parse(refused.stdout).msg]).toEqual([
      1,
      "failed to allocate for range 0: 10.1.2.2 has been allocated to c1, duplicate allocation is not allowed",
    ]);
  });

  test("find each other's leases whatever happened between: the index of ours is never trusted about what it has not seen", async () => {
    const network = networkOf([["10.1.2.0/24"]]);
    const call = (command: string, containerId: string, bin: string) =>
      hostLocal(command, network, { containerId, bin });
    addressesOf(await call("ADD", "ours", binDir));
    addressesOf(await call("ADD", "first", reference));
    expect((await call("CHECK", "first", binDir)).status).toBe(0);
    addressesOf(await call("ADD", "ours-too", binDir));
    addressesOf(await call("ADD", "second", reference));
    expect(JSON.parse((await call("ADD", "second", binDir)).stdout).code).toBe(102);
    expect((await call("DEL", "ours", reference)).status).toBe(0);
    expect(JSON.parse((await call("CHECK", "ours", binDir)).stdout).code).toBe(104);
    for (const containerId of ["first", "second", "ours-too"]) {
      expect((await call("DEL", containerId, binDir)).status).toBe(0);
    }
    expect(Object.keys(filesOf(network))).toEqual(["last_reserved_ip.0", "lock"]);
  });

  test("L2: ours waits while the reference's lock, the folder's file lock, is held", async () => {
    const network = networkOf([["10.1.2.0/24"]]);
    addressesOf(await hostLocal("ADD", network, { containerId: "c1", bin: reference }));
    const holder = spawn("flock", [path.join(network.folder, "lock"), "sh", "-c", "echo held; exec sleep 1"]);
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const added = await hostLocal("ADD", network, { containerId: "c2" });
    expect(addressesOf(added)).toEqual(["10.1.2.3"]);
    expect(added.milliseconds).toBeGreaterThan(700);
    expect(added.milliseconds).toBeLessThan(10_000);
  });
});
