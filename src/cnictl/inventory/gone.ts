import type { Edge } from "../edge.ts";
import { namespaceOf } from "./attachment-view.ts";
import type { KnownAttachment } from "./attachments.ts";
import { type InventoryOptions, takeInventory } from "./inventory.ts";
import type { CachedAttachment } from "./results.ts";

type Names = Pick<CachedAttachment, "network" | "containerId" | "ifname">;

/**
 * Takes the inventory, and returns whether an attachment has lost its namespace. A path that leads nowhere is no proof of that: apptainer
 * mounts its namespaces where only its own processes see them. One whose path leads to a namespace has not.
 */
export function goneFinder(
  edge: Pick<Edge, "environment" | "gatherMarks" | "isLiving">,
  options: Pick<InventoryOptions, "cacheDirectory" | "network">,
): (attachment: Names) => boolean {
  const { attachments } = takeInventory(edge, { ...options, isWanted: (netns) => !edge.isLiving(netns) });
  const isGone = (each: KnownAttachment) => each.cached !== undefined && namespaceOf(each, edge.isLiving) === "gone";
  const gone = new Set(attachments.filter(isGone).map(nameOf));
  return (attachment) => gone.has(nameOf(attachment));
}

function nameOf({ network, containerId, ifname }: Names): string {
  return `${network}\n${containerId}\n${ifname}`;
}
