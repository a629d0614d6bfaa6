import { findPrevResult, type Request } from "../../src/cni/request.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { findContainer, findInterface } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOthersInterface } from "../../src/steps/others-interface.ts";
import { release } from "./release.ts";

/**
 * Deletes the rules of the interface's addresses, and gives the routes back to main. Works without the namespace, without prevResult, with
 * a configuration that has become invalid, and twice. Rules that others made stay, and those of another container, to which the path may
 * lead by now.
 */
export function del(request: Request, host: Host): void {
  const container = findContainer(host, request.netns);
  if (container === undefined) return;
  const link = findInterface(container, request.ifname);
  if (link !== undefined && isOthersInterface(host, link, request)) return;
  const result = findPrevResult(request);
  const ips = result === undefined ? [] : addressesOf(result, request.ifname);
  const addresses = ips.length === 0 ? undefined : ips.map(({ address }) => address.address);
  host.withTables(container, () => release(container.netlink, link, addresses));
}
