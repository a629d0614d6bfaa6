import type { Edge } from "../edge.ts";
import { type Names, nameOf } from "./attachment-index.ts";
import { namespaceOf } from "./attachment-view.ts";
import type { KnownAttachment } from "./attachments.ts";
import { type InventoryOptions, takeInventory } from "./inventory.ts";

/**
 * Whether an attachment of the result cache has lost its namespace. A path that leads to a namespace has one; a path that leads nowhere
 * is no proof: apptainer mounts its namespaces where only its own processes see them.
 */
export function isGone(attachment: KnownAttachment, isLiving: (netns: string) => boolean): boolean {
  const { cached } = attachment;
  return cached !== undefined && !isLiving(cached.netns) && namespaceOf(attachment, isLiving) === "gone";
}

/** Takes the inventory, and returns isGone() by names. */
export function goneFinder(
  edge: Pick<Edge, "environment" | "gatherMarks" | "isLiving">,
  options: Pick<InventoryOptions, "cacheDirectory" | "network">,
): (attachment: Names) => boolean {
  const { attachments } = takeInventory(edge, { ...options, isWanted: (netns) => !edge.isLiving(netns) });
  const gone = new Set(attachments.filter((each) => isGone(each, edge.isLiving)).map(nameOf));
  return (attachment) => gone.has(nameOf(attachment));
}
