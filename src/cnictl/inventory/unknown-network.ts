import { type NetworkNotFound, notFound } from "../../runtime/load.ts";
import type { Edge } from "../edge.ts";
import { networkDirectory } from "../target.ts";
import type { Inventory } from "./inventory.ts";
import type { NetworkFolder } from "./networks.ts";

/** Refuses a name that no list, result, folder of leases or link of the host has: it is misspelt. @throws NetworkNotFound */
export function refuseUnknown(edge: Pick<Edge, "environment">, inventory: Inventory, name: string): void {
  const { networks, cache, folders, attachments } = inventory;
  const isKnown =
    networks.some(({ network }) => network.name === name) ||
    cache.remembered.some((network) => network.name === name) ||
    [...folders, ...attachments].some(({ network }) => network === name);
  if (!isKnown) throw networkNotFound(edge, inventory, name);
}

/** The error for a name that no network list of the folder has. */
export function networkNotFound(
  edge: Pick<Edge, "environment">,
  { networks, broken }: NetworkFolder,
  name: string,
): NetworkNotFound {
  const found = networks.map(({ network }) => network.name);
  return notFound({ name, directory: networkDirectory(edge), found, broken });
}
