import { reportLeases } from "../../../plugins/host-local/lease-report.ts";
import { CniError } from "../../cni/error.ts";
import { handling } from "../../platform/outcome.ts";
import { CACHE_DIRECTORY } from "../../runtime/cache.ts";
import type { Edge } from "../edge.ts";
import { networkDirectory } from "../target.ts";
import { joinAttachments, type KnownAttachment, type NetworkLeases } from "./attachments.ts";
import type { KernelMarks } from "./marks.ts";
import { gatherNetworks, type LeaseFolder, leaseFolders, type NetworkFolder } from "./networks.ts";
import { gatherResults, type ResultCache } from "./results.ts";

/** All that this machine knows of networks and attachments. */
export interface Inventory extends NetworkFolder {
  readonly cache: ResultCache;
  /** The folders of leases with their leases, also of networks without a list. */
  readonly folders: readonly (LeaseFolder & NetworkLeases)[];
  readonly marks: KernelMarks;
  readonly attachments: readonly KnownAttachment[];
  /** What could not be read, as messages for people. The rest is complete. */
  readonly problems: readonly string[];
}

export interface InventoryOptions {
  readonly cacheDirectory?: string | undefined;
  /** Limits leases to a network. All else is gathered for every network. */
  readonly network?: string | undefined;
  /** Limits the results by the path of the network namespace. */
  readonly isWanted?: (netns: string) => boolean;
}

/**
 * Takes the inventory from the network lists, the result cache, host-local's leases and the kernel. It takes no lock, changes nothing,
 * and goes on if something cannot be read.
 */
export function takeInventory(
  edge: Pick<Edge, "environment" | "gatherMarks">,
  { cacheDirectory = CACHE_DIRECTORY, network, isWanted }: InventoryOptions = {},
): Inventory {
  const problems: string[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    return handling([CniError], read, ({ message, details }) => {
      problems.push(details === "" ? message : `${message}: ${details}`);
      return otherwise;
    });
  };
  const { networks, broken } = attempt(() => gatherNetworks(networkDirectory(edge)), { networks: [], broken: [] });
  const names = new Set(networks.map((each) => each.network.name));
  const cache = attempt(
    () => gatherResults(cacheDirectory, { isListed: (name) => names.has(name), isWanted }),
    NO_RESULTS,
  );
  const folders = leaseFolders(networks, cache.remembered)
    .filter((folder) => network === undefined || folder.network === network)
    .flatMap((folder) => {
      const report = attempt(() => reportLeases(folder.folder, folder.releaseDelay), undefined);
      return report === undefined ? [] : [{ ...folder, ...report }];
    });
  const marks = edge.gatherMarks();
  problems.push(
    ...broken.map(({ file, error }) => `${file}: ${error.message}`),
    ...cache.unreadable.map((file) => `${file}: no result of an attachment can be read from it`),
    ...folders.flatMap(({ unreadable }) => unreadable),
    ...marks.problems,
  );
  const attachments = joinAttachments({ cached: cache.attachments, leases: folders, marks });
  return { networks, broken, cache, folders, marks, attachments, problems };
}

const NO_RESULTS: ResultCache = { attachments: [], remembered: [], unreadable: [] };
