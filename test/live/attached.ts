import { expect } from "vitest";
import type { Lab } from "../lab.ts";

/** What a plain bridge gives a container: what a chained plugin gets as `prevResult`. */
export interface Attached {
  readonly cniVersion: string;
  readonly interfaces: { name: string; mac: string; mtu: number; sandbox?: string }[];
  readonly ips: { address: string; gateway: string; interface: number }[];
  readonly routes?: { dst: string; gw?: string }[];
}

/**
 * Attaches a container to the bridge br0 of network "net1" as eth0, with 10.88.0.2/24 and fd00:88::2/64, and these routes. Returns the
 * result of the ADD.
 */
export function attach(lab: Lab, netns: string, routes: readonly object[] = []): Attached {
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges, routes };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
  const { status, stdout } = lab.plugin("bridge", { command: "ADD", config, netns });
  expect(status, stdout).toBe(0);
  return JSON.parse(stdout);
}
