import type { Departure } from "./difference.ts";

/** Where ours departs from the reference in every scenario, and why. */
export const EVERYWHERE: readonly Departure[] = [
  {
    path: /^\d+:ADD \S+ result interfaces \d+ mtu$/,
    reference: undefined,
    reason: "The specification has had the MTU since 1.1.0, and the reference never fills it in",
  },
  {
    path: / host links host-veth(#\d+)? txqlen$/,
    reference: undefined,
    ours: 1000,
    reason:
      "The reference leaves the host's end, and it alone, without a queue; a queueing discipline put there later would drop all",
  },
  {
    path: / sysctls net\/ipv6\/conf\/(eth0|net1)\/ndisc_notify$/,
    reference: "0",
    ours: "1",
    reason: "Neighbours learn a new MAC of an IPv6 address at once, as they do for IPv4 by arp_notify",
  },
  {
    path: / sysctls net\/ipv6\/conf\/(eth0|net1)\/accept_ra$/,
    reference: "1",
    ours: "0",
    reason: "A container with IPAM has the addresses and routes of the result and no others",
  },
  {
    path: / host sysctls net\/ipv6\/conf\/up0\/accept_ra$/,
    reference: "1",
    ours: "2",
    reason: "The host keeps its default route by router advertisements when it becomes a router",
  },
  {
    path: / c\d+ links (eth0|net1) addr_info \d+ nodad$/,
    reference: undefined,
    ours: true,
    reason: "Without enabledad nothing is looked for, whatever the namespace's own setting is",
  },
  {
    path: / host links bridge\d+ addr_info \d+ nodad$/,
    reference: undefined,
    ours: true,
    reason: "The gateway's IPv6 address works the moment ADD returns",
  },
  {
    path: / host links bridge\d+ addr_info \d+ protocol$/,
    reference: "kernel_ll",
    ours: undefined,
    reason:
      "The bridge's link-local address is given to it, so that it works at once; iproute2 6.3 and later tell who gave one",
  },
  {
    path: / host links (bridge\d+|mybridge) ifalias$/,
    reference: undefined,
    ours: "made by the CNI plugin bridge",
    reason: "A bridge says who made it, so that removeEmptyBridge takes away no other",
  },
  {
    path: / host links host-veth(#\d+)? ifalias$/,
    reference: undefined,
    reason: "The host's end of a veth says whose it is, so that GC and a DEL without a namespace find it",
  },
  {
    path: / c\d+ links lo ifalias$/,
    reference: undefined,
    reason: "A loopback link says whose ADD brought it up, so that DEL takes down no other container's",
  },
];

const PINNED =
  "A bridge without a gateway address keeps its MAC too; the reference's follows its ports', and is none without them";

/** Where a bridge has no gateway address. */
export const PINNED_MAC: readonly Departure[] = [
  { path: /ADD \S+ result interfaces 0 mac$/, reason: PINNED },
  { path: / host links bridge\d+ address$/, reason: PINNED },
];

/** The same bridge's link-local address, which is made from its MAC. */
export const PINNED_LINK_LOCAL: readonly Departure[] = [
  { path: / host links bridge\d+ addr_info 0 local$/, reference: "link-local(earlier MAC)", reason: PINNED },
  { path: / host routes local link-local\(.*\) dev bridge\d+ /, reason: PINNED },
];
