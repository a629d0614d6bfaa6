import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatAddress, isLoopback } from "../../src/ip/address.ts";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { LinkAddress } from "../../src/netlink/address/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { getLoopback } from "./loopback.ts";

/**
 * Brings up the container's `lo`, whatever CNI_IFNAME says. The kernel then adds its addresses. The link's alias names the attachment. A
 * prevResult is passed on unchanged.
 */
export function add(request: Request, host: Host): Result {
  const { prevResult } = request;
  return undoOnError(request.log, (defer) => {
    const result = bringUp(request, host, defer);
    return prevResult ?? result;
  });
}

function bringUp(request: Request, host: Host, defer: Defer): Result {
  const { netns } = request;
  const { netlink } = openContainer(host, netns);
  const lo = getLoopback(netlink);
  if (!lo.up) {
    defer(() => setLink(netlink, lo, { up: false, alias: lo.alias }));
    setLink(netlink, lo, { up: true, alias: ownerComment(request) });
  }
  const addresses = listAddresses(netlink, lo);
  refuseOthers(addresses, netns);
  const first = ([4, 6] as const).map((family) => addresses.find(({ prefix }) => prefix.address.family === family));
  return {
    interfaces: [{ name: lo.name, mac: lo.mac, mtu: lo.mtu, sandbox: netns }],
    ips: first.filter((address) => address !== undefined).map(({ prefix }) => ({ interface: 0, address: prefix })),
    routes: [],
    dns: {},
  };
}

function refuseOthers(addresses: readonly LinkAddress[], netns: string): void {
  const other = addresses.find(({ prefix }) => !isLoopback(prefix.address));
  if (other === undefined) return;
  const text = formatAddress(other.prefix.address);
  throw new CniError("loopbackConflict", `loopback interface found with non-loopback address "${text}"`, {
    details: `in ${netns}: give it to another interface, or to lo when the container is attached`,
  });
}
