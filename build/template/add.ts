import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { changeOwing, undoOnError } from "../../src/steps/undo.ts";
import { aliasOf } from "./alias.ts";
import { parseNewNameConfig } from "./config.ts";

/**
 * Labels the container's interface, like `ip link set dev IFNAME alias LABEL`, and returns prevResult unchanged. The reversal is deferred
 * before the change: the kernel's answer may be lost after it made the change.
 */
export function add(request: Request, host: Host): Result {
  const config = parseNewNameConfig(request);
  const result = requirePrevResult(request, "must be called as chained plugin");
  return undoOnError(request.log, (defer) => {
    const { netlink } = openContainer(host, request.netns);
    const link = getLink(netlink, request.ifname);
    const reversal = () => setLink(netlink, link, { alias: link.alias });
    changeOwing(defer, reversal, () => setLink(netlink, link, { alias: aliasOf(config) }));
    return result;
  });
}
