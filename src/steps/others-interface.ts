import { findPrevResult, type Request } from "../cni/request.ts";
import type { Mac } from "../ip/mac.ts";
import { isOwnerComment, isSelected, selectOwner } from "../netfilter/owner.ts";
import { findOtherEnd } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Host } from "./host.ts";
import { findReportedInside } from "./reported.ts";

/**
 * Whether an interface in a container belongs to another attachment, for DEL of a plugin that made no link itself: the path may lead to
 * another container by now. The alias of the interface, or of a veth's end on the host, names the owner. The Go plugins set none; then
 * the MAC of the result counts, which is the interface's or the one that it had before.
 */
export function isOthersInterface(host: Host, link: Link, request: Request, formerMac?: Mac): boolean {
  const aliases = [link.alias, findOtherEnd(host.netlink, link)?.alias ?? ""].filter(isOwnerComment);
  if (aliases.length > 0) return !aliases.some((alias) => isSelected(selectOwner(request), alias));
  const result = findPrevResult(request);
  const given = result && findReportedInside(result, link.name)?.mac;
  return given !== undefined && ![link.mac, formerMac].includes(given.toLowerCase());
}
