import { isSameAddress } from "../../src/ip/address.ts";
import { broadcastAddress, isSamePrefix, type Prefix } from "../../src/ip/prefix.ts";
import { deleteAddress } from "../../src/netlink/address/delete.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { replaceAddress, type TimedAddress } from "../../src/netlink/address/replace.ts";
import type { LeaseLink } from "./lease-link.ts";
import type { LeaseRecord } from "./lease-record.ts";

/**
 * Lets the kernel delete the lease's address when its time is over, unless it is renewed. Returns false if the interface has not got the
 * address: an ADD adds it after it has the lease. @throws NetlinkError
 */
export function limitAddress({ container, link }: LeaseLink, record: LeaseRecord, now: number): boolean {
  const found = listAddresses(container.netlink, link, record.family);
  const has = found.some(({ prefix }) => isSamePrefix(prefix, record.prefix));
  if (has) replaceAddress(container.netlink, link, timed(record, now));
  return has;
}

/** Gives the interface the address of a lease in place of another one. @throws NetlinkError */
export function changeAddress(
  place: LeaseLink,
  old: Prefix,
  { record, now }: { record: LeaseRecord; now: number },
): void {
  takeAddress(place, old);
  replaceAddress(place.container.netlink, place.link, timed(record, now));
}

/** Deletes an address from the interface, if it has it. @throws NetlinkError */
export function takeAddress({ container, link }: LeaseLink, prefix: Prefix): void {
  const found = listAddresses(container.netlink, link, prefix.address.family).filter((each) =>
    isSameAddress(each.prefix.address, prefix.address),
  );
  for (const each of found) deleteAddress(container.netlink, link, each.prefix);
}

function timed(record: LeaseRecord, now: number): TimedAddress {
  const left = (until: number) => Math.max((until - now) / 1000, 0);
  const { prefix, lease } = record;
  const address = { prefix, broadcast: broadcastAddress(prefix), seconds: left(lease.expireAt) };
  return record.family === 6 ? { ...address, preferredSeconds: left(record.lease.preferUntil) } : address;
}
