import type { Request } from "../../src/cni/request.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { findContainer, findInterface } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOwnAlias } from "./alias.ts";

/**
 * Deletes what ADD made. Works without the namespace, without prevResult, with a configuration that has become invalid, and twice. Whatever
 * this plugin did not make stays.
 */
export function del(request: Request, host: Host): void {
  const container = findContainer(host, request.netns);
  const link = container && findInterface(container, request.ifname);
  if (container !== undefined && link !== undefined && isOwnAlias(link.alias))
    setLink(container.netlink, link, { alias: "" });
}
