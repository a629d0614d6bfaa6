import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { formatLease, type LeaseRecord4 } from "../../../plugins/dhcp/lease-record.ts";
import { readRenewals } from "../../../plugins/dhcp/renewal-report.ts";
import { readBootClock } from "../../../src/linux/boot-clock.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { address, prefix } from "../../netlink/text.ts";

/** A lease that began so many seconds ago and has been given for `seconds`. */
function leaseOf(containerId: string, { age = 0, seconds = 3600, boot = readBoot() }): LeaseRecord4 {
  const [began, length] = [readBootClock() - age * 1000, seconds * 1000];
  return {
    family: 4,
    ...{ network: "lan", containerId, ifname: "eth0", netns: "/n", namespace: "1:2", boot, index: 2 },
    identity: {
      mac: "02:00:00:00:00:05",
      clientId: Uint8Array.of(0),
      provided: new Map(),
      requested: [],
      broadcast: false,
    },
    ...{ priority: undefined, timeout: 60, prefix: prefix("10.9.0.7/24") },
    lease: {
      ...{ address: address("10.9.0.7"), server: address("10.9.0.1"), options: new Map() },
      ...{ renewAt: began + length / 2, rebindAt: began + length * 0.875, expireAt: began + length },
    },
  };
}

it("readRenewals() counts the leases of this boot by how far they are", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "renewals-"));
  const socket = path.join(folder, "dhcp.sock");
  expect(readRenewals(socket)).toEqual({ socket, count: 0, timed: 0, overdue: 0, late: 0 });
  fs.mkdirSync(path.join(folder, "dhcp"));
  const records = [
    leaseOf("new", {}),
    leaseOf("due", { age: 1810 }),
    leaseOf("overdue", { age: 2000 }),
    leaseOf("late", { age: 3200 }),
    leaseOf("for-ever", { seconds: Infinity }),
    leaseOf("of-another-boot", { age: 3200, boot: "another" }),
  ];
  for (const record of records)
    fs.writeFileSync(path.join(folder, "dhcp", `${record.containerId}.json`), formatLease(record));
  fs.writeFileSync(path.join(folder, "dhcp", "broken.json"), "{");
  expect(readRenewals(socket)).toEqual({ socket, count: 5, timed: 4, overdue: 2, late: 1 });
  fs.rmSync(folder, { recursive: true });
});
