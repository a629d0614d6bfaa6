import { recordsOf } from "../../../plugins/host-local/lease-record.ts";
import { isAtLeast } from "../../runtime/version-choice.ts";
import type { KnownAttachment } from "../inventory/attachments.ts";
import type { Examination } from "./examination.ts";
import { needsOf } from "./needs.ts";

/** How many attachments, leases or records the commands of a cure name. */
const NAMED = 3;

/** The commands that remove leftovers of a network. */
export interface LeftoverCures {
  /** For attachments of the result cache whose namespace is gone. */
  readonly gone: (attachments: readonly KnownAttachment[]) => string;
  /** For rules and links of attachments that no result names. */
  readonly unknown: string;
  /** For leases alone, by address. */
  readonly reclaimable: (addresses: readonly string[]) => string;
  /** For host-local's records in a folder of leases. */
  readonly records: (folder: string, names: readonly string[]) => string;
}

/**
 * Finds what removes leftovers of a network. `cnictl gc` does nothing if the list sets disableGC, calls GC since version 1.1.0 only, and
 * plugins of others do not know what these plugins made.
 */
export function cureFinder({
  networks,
  isOurs,
}: Pick<Examination, "networks" | "isOurs">): (network: string) => LeftoverCures {
  return (name) => {
    const network = networks.find((each) => each.name === name);
    const gc = `cnictl gc ${name}`;
    const detaches = network !== undefined && !network.disableGC;
    const areOurs = network !== undefined && needsOf(network).types.every(isOurs);
    const collects = detaches && areOurs && isAtLeast(network.cniVersion, "1.1.0");
    return {
      gone: (attachments) => {
        const detach = detaches ? gc : inTurn(attachments.flatMap((each) => deletion(each)));
        return areOurs || !attachments.some(hasOwnMarks) ? detach : `${detach}; cnictl clean`;
      },
      unknown: collects ? gc : "cnictl clean",
      reclaimable: (addresses) =>
        collects ? gc : inTurn(addresses.map((address) => `cnictl release --network ${name} ${address}`)),
      records: (folder, names) => (collects ? gc : inTurn(names.map((each) => `rm '${recordsOf(folder)}/${each}'`))),
    };
  };
}

/** Whether these plugins made links, rules or elements for the attachment that plugins of others would leave. */
export function hasOwnMarks({ links, places, ports }: KnownAttachment): boolean {
  const hasLinks = links.some(({ kind }) => kind !== "veth");
  return hasLinks || places.some(({ isReference }) => !isReference) || ports.some(({ isOurs }) => isOurs === true);
}

function deletion({ network, containerId, ifname, cached }: KnownAttachment): readonly string[] {
  if (cached === undefined) return [];
  return [`cnictl del ${network} ${cached.netns} --container-id ${containerId} -i ${ifname}`];
}

/** The first commands; who runs them sees the others then. */
function inTurn(commands: readonly string[]): string {
  return [...commands.slice(0, NAMED), ...(commands.length > NAMED ? ["cnictl doctor"] : [])].join("; ");
}
