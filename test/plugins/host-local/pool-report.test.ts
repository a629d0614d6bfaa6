import { describe, expect, test } from "vitest";
import { listLeased, readPools } from "../../../plugins/host-local/pool-report.ts";
import { storeOf } from "./stage.ts";

function pools(ipam: unknown) {
  return readPools({ network: "net", version: "1.1.0", config: { ipam } });
}

describe("readPools()", () => {
  test.each([
    ["a subnet, without its gateway", { subnet: "10.1.0.0/24" }, 253n],
    [
      "a range that the gateway is not in",
      { subnet: "10.1.0.0/24", rangeStart: "10.1.0.10", rangeEnd: "10.1.0.19" },
      10n,
    ],
    ["a subnet with excluded addresses", { subnet: "10.1.0.0/24", exclude: ["10.1.0.16/28"] }, 237n],
    ["an excluded gateway once", { subnet: "10.1.0.0/24", exclude: ["10.1.0.0/28"] }, 239n],
    ["an IPv6 subnet", { subnet: "fd00::/64" }, 2n ** 64n - 2n],
    ["a subnet of two addresses", { subnet: "10.1.0.0/31" }, 1n],
    ["a subnet of one address", { subnet: "10.1.0.7/32" }, 1n],
  ])("counts the addresses that containers can get from %s", (_, ipam, size) => {
    expect(pools(ipam).sets.map((set) => set.size)).toEqual([size]);
  });

  test("has each range set, its ranges and subnets, and the folder", () => {
    const { folder, releaseDelay, sets } = pools({
      dataDir: "/data",
      releaseDelay: 30,
      ranges: [
        [{ subnet: "10.1.0.0/29" }, { subnet: "10.2.0.0/29", rangeEnd: "10.2.0.3" }],
        [{ subnet: "fd00::/120" }],
      ],
    });
    expect([folder, releaseDelay]).toEqual(["/data/net", 30]);
    expect(sets.map(({ index, ranges, subnets, size }) => [index, ranges, subnets, size])).toEqual([
      [0, "10.1.0.1-10.1.0.6,10.2.0.1-10.2.0.3", ["10.1.0.0/29", "10.2.0.0/29"], 7n],
      [1, "fd00::1-fd00::ff", ["fd00::/120"], 254n],
    ]);
    expect(["10.2.0.3", "10.2.0.4", "fd00::2", "x"].map((text) => sets[0]?.contains(text))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

test("listLeased() lists the names of leases alone", () => {
  const { folder } = storeOf({ "10.1.0.2": "c1", "fd00::2": "c1", "last_reserved_ip.0": "10.1.0.2", lock: "" });
  expect([...listLeased(folder)].sort()).toEqual(["10.1.0.2", "fd00::2"]);
});
