import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { formatPrefix, isSamePrefix } from "../../src/ip/prefix.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { readBoot } from "../../src/linux/boot-id.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { parseDhcp } from "./config.ts";
import { type LeaseRecord, leaseFolder, leasePath, readLeaseFile } from "./lease-file.ts";

/** Succeeds if the lease is recorded, its time is not over, and the interface has its address. Asks no server. */
export function check(request: Request, host: Host): void {
  const { socket } = parseDhcp(request);
  const path = leasePath(leaseFolder(socket), request);
  const container = openContainer(host, request.netns);
  const record = readLeaseFile(path)?.record;
  if (record === undefined)
    throw new CniError("checkFailed", `dhcp: Cannot find the lease of container ${request.containerId}`, {
      details: `no file "${path}"`,
    });
  refuseDifferences([...compareLease(record, request), ...compareInterface(record, container, request)]);
}

function compareLease({ boot, lease }: LeaseRecord, { prevResult }: Request): readonly string[] {
  const what = `dhcp: the lease of ${formatAddress(lease.address)}`;
  if (boot !== readBoot() || readBootClock() > lease.expireAt)
    return [`${what} is over: start "dhcp daemon", or "dhcp renew" once a minute`];
  const ips = prevResult?.ips ?? [];
  const isReported = ips.length === 0 || ips.some(({ address }) => isSameAddress(address.address, lease.address));
  return isReported ? [] : [`${what} is not in prevResult: a server has given another address since`];
}

function compareInterface(record: LeaseRecord, container: Container, { ifname, netns }: Request): readonly string[] {
  const link = findInterface(container, ifname);
  const what = `interface "${ifname}" in ${netns}`;
  if (link === undefined) return [`dhcp: ${what} is missing`];
  if (record.namespace !== container.identify() || record.index !== link.index)
    return [`dhcp: ${what} is another than the one that the lease is for`];
  if (record.identity.mac !== link.mac)
    return [`dhcp: ${what} has MAC ${link.mac}, and the lease is for ${record.identity.mac}`];
  const has = listAddresses(container.netlink, link, 4).some(({ prefix }) => isSamePrefix(prefix, record.prefix));
  return has ? [] : [`dhcp: ${what} lacks ${formatPrefix(record.prefix)}`];
}
