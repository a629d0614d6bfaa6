import fs from "#fs";
import { CACHE_DIRECTORY, readCache } from "../../runtime/cache.ts";
import { readNetworks } from "../../runtime/load.ts";
import type { Edge } from "../edge.ts";
import { takeInventory } from "../inventory/inventory.ts";
import { viewLeases } from "../inventory/lease-view.ts";
import { NAMED_NETNS } from "../namespace.ts";
import type { Completion } from "../option.ts";
import { networkDirectory } from "../target.ts";

/** A word that completion offers. */
export interface Offer {
  readonly word: string;
  /** What it is, in a few words; may be empty. */
  readonly meaning: string;
}

/** The words of a kind that this machine has. `given` are the values of the options before. It takes no lock and changes nothing. */
export function findOffers(
  edge: Edge,
  completion: Exclude<Completion, "file" | "folder">,
  given: ReadonlyMap<string, string>,
): readonly Offer[] {
  const cache = given.get("cache-dir") ?? CACHE_DIRECTORY;
  switch (completion) {
    case "network":
      return listNetworks(edge);
    case "netns":
      return [...listNamespaces(), ...listContainers(cache)];
    case "container":
      return [...listContainers(cache), ...listNamespaces()];
    case "lease":
      return listLeases(edge, { cacheDirectory: cache, network: given.get("network") });
    case "plugin":
      return Object.keys(edge.build.plugins).map((word) => ({ word, meaning: "" }));
    case "name":
      return edge.build.names.map((word) => ({ word, meaning: "" }));
    default:
      return completion.map((word) => ({ word, meaning: "" }));
  }
}

function listNetworks(edge: Edge): readonly Offer[] {
  const found = new Map<string, string>();
  for (const entry of readNetworks(networkDirectory(edge))) {
    if ("network" in entry && !found.has(entry.network.name)) found.set(entry.network.name, entry.file);
  }
  return Array.from(found, ([word, meaning]) => ({ word, meaning }));
}

function listNamespaces(): readonly Offer[] {
  if (!fs.existsSync(NAMED_NETNS)) return [];
  return fs.readdirSync(NAMED_NETNS).map((word) => ({ word, meaning: "network namespace" }));
}

function listContainers(cacheDirectory: string): readonly Offer[] {
  const found = new Map<string, string>();
  for (const { entry } of readCache(cacheDirectory) ?? []) {
    const id = entry?.attachment.containerId;
    if (id !== undefined && entry !== undefined)
      found.set(id, [found.get(id), entry.network].filter(Boolean).join(", "));
  }
  return Array.from(found, ([word, networks]) => ({ word, meaning: `container on ${networks}` }));
}

/** Leases that may be released. */
function listLeases(edge: Edge, scope: { cacheDirectory: string; network: string | undefined }): readonly Offer[] {
  const views = viewLeases(takeInventory(edge, scope), edge.isLiving);
  return views.flatMap(({ address, network, state }) =>
    state === "reclaimable" || state === "orphan" ? [{ word: address, meaning: `${state}, network ${network}` }] : [],
  );
}
