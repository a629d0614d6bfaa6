import { CniError } from "../../src/cni/error.ts";
import { parseOwnerComment } from "../../src/netfilter/owner.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { type Child, listChildren } from "../../src/netlink/link/child.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { findChildOf } from "../../src/steps/child-of.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Master } from "../../src/steps/master.ts";

/** A VLAN of a master. */
export interface Vlan {
  readonly master: Master;
  readonly id: number;
}

/** The master's link in the VLAN, if it is in the master's namespace. A VLAN of a master has one link, wherever that is. */
export function findVlanLink({ master: { link, netlink }, id }: Vlan): Link | undefined {
  const isIt = ({ parent, parentNetns, settings }: Child<"vlan">) =>
    parent === link.index && parentNetns === undefined && settings.id === id;
  return listChildren(netlink, "vlan").find(isIt)?.link;
}

/**
 * Runs `make`. The kernel refuses a second link in a VLAN of a master: then the error says whose it is.
 * @throws CniError kernelRequest, and any other error of `make`
 */
export function explainTaken<T>(host: Host, { master, id }: Vlan, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ERRNO.EEXIST)) throw error;
    const whose = describeHolder(host, { master, id });
    throw new CniError("kernelRequest", `Cannot use VLAN ${id} of "${master.link.name}": ${whose} has it already`, {
      details:
        'for several containers in one VLAN, set "shared": true for all of them, or use "macvlan" on a link in the VLAN',
      cause: error,
    });
  }
}

/** The link in the VLAN, wherever it is. The alias of one in a container names the container. */
function describeHolder(host: Host, { master, id }: Vlan): string {
  const found = findChildOf(host, master, { kind: "vlan", is: ({ settings }) => settings.id === id });
  if (found === undefined) return "a link in another network namespace";
  const { link, parentNetns } = found;
  if (parentNetns === undefined) {
    const place = master.netlink === host.netlink ? "the host" : "the container";
    return `link "${link.name}" of ${place}`;
  }
  const owner = parseOwnerComment(link.alias);
  if (owner === undefined) return `link "${link.name}" in another network namespace`;
  return `interface "${owner.ifname}" of container "${owner.containerId}" on network "${owner.network}"`;
}
