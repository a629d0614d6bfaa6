import type { LeaseRecord4, LeaseRecord6 } from "../../../plugins/dhcp/lease-record.ts";
import { encodeAddress } from "../../../src/ip/address.ts";
import { address, prefix } from "../../netlink/text.ts";

/** A lease of each family. */
export const RECORD: LeaseRecord4 = {
  family: 4,
  ...{ network: "lan", containerId: "c1", ifname: "eth0" },
  ...{ netns: "/run/netns/c1", namespace: "4026532809:7", boot: "b1ca416b", index: 2 },
  identity: {
    mac: "02:00:00:00:00:05",
    clientId: Uint8Array.of(0, 99),
    provided: new Map([[12, Uint8Array.of(98)]]),
    requested: [1, 3],
    broadcast: true,
  },
  ...{ priority: 7, timeout: 60, prefix: prefix("10.9.0.7/24") },
  lease: {
    ...{ address: address("10.9.0.7"), server: address("10.9.0.1") },
    ...{ renewAt: 60_000, rebindAt: 105_000, expireAt: 120_000 },
    options: new Map([[3, encodeAddress(address("10.9.0.1"))]]),
  },
};

export const RECORD6: LeaseRecord6 = {
  family: 6,
  ...{ network: "lan", containerId: "c1", ifname: "eth0" },
  ...{ netns: "/run/netns/c1", namespace: "4026532809:7", boot: "b1ca416b", index: 2 },
  identity: { duid: Uint8Array.of(0, 4, 1), iaid: 0xfedcba98 },
  prefix: prefix("fd00::7/128"),
  lease: {
    ...{ address: address("fd00::7"), server: Uint8Array.of(0, 1, 2) },
    ...{ renewAt: 60_000, rebindAt: 96_000, preferUntil: 120_000, expireAt: 150_000 },
    options: new Map([[23, encodeAddress(address("fd00::1"))]]),
  },
};
