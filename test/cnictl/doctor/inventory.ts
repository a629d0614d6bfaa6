import type { KnownAttachment } from "../../../src/cnictl/inventory/attachments.ts";
import type { Inventory } from "../../../src/cnictl/inventory/inventory.ts";

/** An inventory with these parts alone. */
export function inventoryOf(parts: Partial<Inventory>): Inventory {
  const cache = { attachments: [], remembered: [], unreadable: [] };
  const marks = { links: [], places: [], ports: [], problems: [] };
  return { networks: [], broken: [], cache, folders: [], marks, attachments: [], problems: [], ...parts };
}

/** An attachment of network "x" that no source but the given ones knows. */
export function attachment(containerId: string, parts: Partial<KnownAttachment> = {}): KnownAttachment {
  const nothing = { cached: undefined, leases: [], links: [], places: [], ports: [] };
  return { network: "x", containerId, ifname: "eth0", isCut: false, ...nothing, ...parts };
}

/** What the result cache has of an attachment. */
export function cached(netns: string, addresses: readonly string[] = []): NonNullable<KnownAttachment["cached"]> {
  const names = { network: "x", containerId: "c", ifname: "eth0", file: "/f" };
  return { ...names, since: 0, netns, addresses, mac: "", hostLinks: [], ports: [] };
}
