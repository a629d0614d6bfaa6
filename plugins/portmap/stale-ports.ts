import type { ContainerInterface, Request } from "../../src/cni/request.ts";
import { invocationFor } from "../../src/netfilter/iptables/tool.ts";
import { type CurrentAddresses, currentAddresses, isOutdated } from "../../src/netfilter/outdated.ts";
import { ownerKey, selectStale } from "../../src/netfilter/owner.ts";
import { IPTABLES_NAT } from "../../src/netfilter/tables.ts";
import type { Host } from "../../src/steps/host.ts";
import { endJumps, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { forgetAfter, orLog } from "./connections.ts";
import { listOwnIptablesRedirects } from "./iptables.ts";
import { selectOwnChainsOf, selectStaleChains } from "./iptables-chains.ts";
import { deleteOutdatedRedirects, deleteRedirects } from "./nftables.ts";
import type { Redirect } from "./redirect.ts";
import { TABLE } from "./tables.ts";

/**
 * Deletes all mappings of the network's attachments except the valid ones, and this project's mappings to addresses that valid ones no
 * longer have. Mappings that do not name their network stay.
 */
export function endStalePorts(request: Request, host: Host, valid: readonly ContainerInterface[]): void {
  const remains = openRemains(host);
  const own = remains.within(TABLE);
  const { network } = request;
  const current = currentAddresses(network, valid);
  const hasOutdated = current.owners.length > 0;
  let gone: readonly Redirect[] = [];
  runAll([
    () => {
      gone = own === undefined ? [] : deleteRedirects(own, selectStale(network, valid));
    },
    () => endJumps(request, remains, () => selectStaleChains(network, valid)),
    () => {
      if (hasOutdated && own !== undefined) gone = [...gone, ...deleteOutdatedRedirects(own, network, current)];
    },
    () => {
      if (hasOutdated) gone = [...gone, ...endOutdatedChains(request, remains, current)];
    },
    () => orLog(request, () => forgetAfter(host, () => gone, remains.socket)),
  ]);
}

/** Deletes this project's chains that lead to outdated addresses. Returns their mappings. */
function endOutdatedChains(request: Request, remains: Remains, current: CurrentAddresses): readonly Redirect[] {
  const gone: Redirect[] = [];
  endJumps(request, remains, (family) => {
    const netlink = remains.within(IPTABLES_NAT[family]);
    const iptables = {
      netlink,
      invocation: invocationFor({ environment: request.environment, launch: remains.launch }),
    };
    const outdated = current.owners.filter((owner) => {
      const redirects = listOwnIptablesRedirects(iptables, family, owner);
      const isGone = redirects.length > 0 && redirects.every(({ to }) => isOutdated(current, ownerKey(owner), to));
      if (isGone) gone.push(...redirects);
      return isGone;
    });
    return selectOwnChainsOf(outdated, request.network);
  });
  return gone;
}
