import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { parseSbrConfig } from "./config.ts";
import { routeBySource } from "./move.ts";

/** Routes by the source of packets, and returns prevResult unchanged. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  const config = parseSbrConfig(request);
  const result = requirePrevResult(request, "This plugin must be called as chained plugin");
  const { ifname, netns } = request;
  if (result.ips.length === 0) throw new CniError("invalidConfig", `No IP addresses supplied on interface: ${ifname}`);
  const container = openContainer(host, netns);
  const link = findInterface(container, ifname);
  if (link === undefined) throw new CniError("invalidConfig", `Cannot find network interface ${ifname} in ${netns}`);
  const { netlink } = container;
  const move = { netlink, link, ips: addressesOf(result, ifname), config };
  host.withTables(container, () => undoOnError(request.log, (defer) => routeBySource(move, defer)));
  return result;
}
