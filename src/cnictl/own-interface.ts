import { CniError } from "../cni/error.ts";
import type { Result } from "../cni/result.ts";
import { formatPrefix } from "../ip/prefix.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import { findReportedInside } from "../steps/reported.ts";
import type { Edge } from "./edge.ts";

/**
 * Refuses an interface that its ADD did not make: the path may lead to another container by now, and the addresses and ports of this one
 * may be another's. Refuses one that is missing, too: its ports would lead to an address that nobody has. @throws CniError checkFailed
 */
export function refuseAnother(edge: Pick<Edge, "findInside">, { netns, ifname }: RuntimeConf, result: Result): void {
  const stated = findReportedInside(result, ifname);
  const link = edge.findInside(netns, ifname);
  if (link === undefined) {
    if (stated === undefined) return;
    const missing = `Cannot rebuild the attachment: the container has no "${ifname}": start the container again`;
    throw new CniError("checkFailed", missing);
  }
  const given = stated?.mac;
  const addresses = result.ips.map(({ address }) => formatPrefix(address));
  const has = (address: string) => link.addresses.includes(address);
  const isSame = given === undefined ? addresses.length === 0 || addresses.some(has) : given === link.mac;
  if (isSame) return;
  const what = `"${ifname}" in ${netns} is not the interface of its ADD: nothing was rebuilt`;
  const details = `it has ${[link.mac, ...link.addresses].join(" ")}; ADD gave ${given ?? addresses.join(" ")}`;
  throw new CniError("checkFailed", what, { details });
}
