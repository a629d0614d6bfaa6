import type { Request } from "../../src/cni/request.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { findContainer } from "../../src/steps/container.ts";
import { LOOPBACK } from "./loopback.ts";

/** Takes the container's `lo` down. Where no namespace is left there is nothing to do. */
export function del({ netns }: Request): void {
  const container = findContainer(netns);
  if (container !== undefined) setLink(container.netlink, LOOPBACK, { up: false });
}
