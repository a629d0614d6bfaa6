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
import { leaseFolder, leasePath, readLeaseFile } from "./lease-file.ts";
import type { LeaseRecord } from "./lease-record.ts";

/** Succeeds if the lease of each family is recorded, its time is not over, and the interface has its address. Asks no server. */
export function check(request: Request, host: Host): void {
  const { socket, families } = parseDhcp(request);
  const folder = leaseFolder(socket);
  const container = openContainer(host, request.netns);
  const records = families.map((family) => getLease(leasePath(folder, request, family), request));
  const found = records.flatMap((record) => [
    ...compareLease(record, request),
    ...compareInterface(record, container, request),
  ]);
  refuseDifferences([...new Set(found)]);
}

/** @throws CniError checkFailed if it is not recorded */
function getLease(path: string, { containerId }: Request): LeaseRecord {
  const record = readLeaseFile(path)?.record;
  if (record !== undefined) return record;
  throw new CniError("checkFailed", `dhcp: Cannot find the lease of container ${containerId}`, {
    details: `no file "${path}"`,
  });
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
  if (record.family === 4 && record.identity.mac !== link.mac)
    return [`dhcp: ${what} has MAC ${link.mac}, and the lease is for ${record.identity.mac}`];
  const has = listAddresses(container.netlink, link, record.family).some(({ prefix }) =>
    isSamePrefix(prefix, record.prefix),
  );
  return has ? [] : [`dhcp: ${what} lacks ${formatPrefix(record.prefix)}`];
}
