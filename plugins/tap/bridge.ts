import { CniError } from "../../src/cni/error.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Container } from "../../src/steps/host.ts";

/** The bridge of that name in the container. @throws CniError bridgeConflict if there is none, or another kind of link has the name */
export function getBridge({ netlink, path }: Container, name: string): Link {
  const link = findLink(netlink, name);
  if (link?.kind === "bridge") return link;
  const found = link === undefined ? "has no link of that name" : `has a ${link.kind || "device"} of that name`;
  throw new CniError("bridgeConflict", `Cannot use bridge "${name}": the container at ${path} ${found}`);
}
