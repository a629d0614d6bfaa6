import { CniError } from "../../src/cni/error.ts";
import type { Device } from "../../src/netlink/link/device.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { listRoutes } from "../../src/netlink/route/list.ts";
import type { Host } from "../../src/steps/host.ts";

/** The index of lo in every network namespace. */
const LOOPBACK = 1;

/**
 * Refuses a device that the host needs: the port of a bridge, a bond or another master, and the link of a default route. The kernel would
 * move it, and the host would lose its network. @throws CniError invalidConfig
 */
export function refuseNeeded({ netlink }: Host, device: Device): void {
  const { name, index, master, masterKind = "bridge" } = device;
  if (index === LOOPBACK) refuse(name, "each network namespace has its own", "name another device");
  if (master !== undefined) {
    const above = findLink(netlink, master)?.name ?? `link ${master}`;
    refuse(
      name,
      `it is a port of ${masterKind} "${above}"`,
      `ip link set dev ${name} nomaster, or name another device`,
    );
  }
  for (const family of [4, 6] as const) {
    const destinations = [{ address: { family, value: 0n }, length: 0 }];
    if (listRoutes(netlink, { family, index, destinations }).length > 0)
      refuse(name, `the host's default route of IPv${family} goes through it`, "name another device");
  }
}

function refuse(name: string, why: string, details: string): never {
  throw new CniError("invalidConfig", `Cannot move link "${name}" into a container: ${why}`, { details });
}
