import type { Host } from "../../src/steps/host.ts";

/** A host that has these parts alone: whatever else is asked for throws. */
export function fakeHost(parts: Partial<Host> = {}): Host {
  const lack = (name: keyof Host) => (): never => {
    throw new Error(`This host has no ${name}`);
  };
  return {
    get netlink() {
      return parts.netlink ?? lack("netlink")();
    },
    get sysctls() {
      return parts.sysctls ?? lack("sysctls")();
    },
    openNetlink: parts.openNetlink ?? lack("openNetlink"),
    openNetfilter: parts.openNetfilter ?? lack("openNetfilter"),
    openContainer: parts.openContainer ?? lack("openContainer"),
    openOwnNetns: parts.openOwnNetns ?? lack("openOwnNetns"),
    findInNamespaces: parts.findInNamespaces ?? (() => undefined),
    delegate: parts.delegate ?? lack("delegate"),
    launch: parts.launch ?? lack("launch"),
    withTables: parts.withTables ?? ((_container, act) => act()),
    withDevices: parts.withDevices ?? ((act) => act()),
    withVlans: parts.withVlans ?? ((_use, act) => act()),
    withBridges: parts.withBridges ?? ((_use, act) => act()),
  };
}
