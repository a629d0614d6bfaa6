import type { Family } from "../../src/ip/address.ts";
import type { SetSpec } from "../../src/netfilter/nftables/set.ts";
import { BRIDGE_TABLE, TABLE } from "./tables.ts";

/** Containers' addresses. An element's comment names its owner, so that the other firewalls' rules are found again. */
export const CONTAINERS = {
  4: { ...TABLE, name: "containers4", key: ["ipv4_addr"], id: 1 },
  6: { ...TABLE, name: "containers6", key: ["ipv6_addr"], id: 2 },
} as const satisfies Record<Family, SetSpec>;

/** Maps a bridge and the address of a container on it to the policy's verdict for others on that bridge. */
export const MEMBERS = {
  4: { ...TABLE, name: "members4", key: ["ifname", "ipv4_addr"], data: "verdict", id: 3 },
  6: { ...TABLE, name: "members6", key: ["ifname", "ipv6_addr"], data: "verdict", id: 4 },
} as const satisfies Record<Family, SetSpec>;

/** Bridges with members: each once, and once as a pair with itself, because rules cannot compare two names. */
export const BRIDGES: SetSpec = { ...TABLE, name: "bridges", key: ["ifname"], id: 5 };
export const PAIRS: SetSpec = { ...TABLE, name: "same_bridge", key: ["ifname", "ifname"], id: 6 };

/** Bridges with isolated containers, each with its MAC: frames to that MAC are for the host to forward. */
export const ISOLATING = {
  ...TABLE,
  name: "isolating",
  key: ["ifname", "ether_addr"],
  id: 7,
} as const satisfies SetSpec;

/**
 * Ports of isolated containers, by link index, which the kernel does not reuse, and the MACs behind them. Addresses do not work here: a
 * container may have more than are known, and each group has one.
 */
export const ISOLATED = {
  ports: { ...BRIDGE_TABLE, name: "isolated_ports", key: ["iface_index"], id: 8 },
  macs: { ...BRIDGE_TABLE, name: "isolated_macs", key: ["ether_addr"], id: 9 },
} as const satisfies Record<string, SetSpec>;

/** Sets in which earlier versions kept addresses of isolated containers. Their elements are deleted with the container. */
export const FORMER_ISOLATED = {
  4: { ...BRIDGE_TABLE, name: "isolated4", key: ["ipv4_addr"], id: 10 },
  6: { ...BRIDGE_TABLE, name: "isolated6", key: ["ipv6_addr"], id: 11 },
} as const satisfies Record<Family, SetSpec>;
