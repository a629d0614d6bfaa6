import { findPrevResult, type Request } from "../cni/request.ts";
import { isOwnerComment, isSelected, selectOwner } from "../netfilter/owner.ts";
import { findOtherEnd } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Host } from "./host.ts";

/**
 * Whether an interface in a container belongs to another attachment, for DEL of a plugin that made no link itself: the path may lead to
 * another container by now. The alias of the interface, or of a veth's end on the host, names the owner. The Go plugins set none; then
 * the MAC of the result counts.
 */
export function isOthersInterface(host: Host, link: Link, request: Request): boolean {
  const aliases = [link.alias, findOtherEnd(host.netlink, link)?.alias ?? ""].filter(isOwnerComment);
  if (aliases.length > 0) return !aliases.some((alias) => isSelected(selectOwner(request), alias));
  const { interfaces = [] } = findPrevResult(request) ?? {};
  const given = interfaces.find(({ name, sandbox }) => name === link.name && sandbox !== undefined)?.mac;
  return given !== undefined && given.toLowerCase() !== link.mac;
}
