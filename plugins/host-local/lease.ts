import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";

// A network's folder has two kinds of files, byte for byte as the reference's. Each leased address has a file, named by the address, with
// the owner. last_reserved_ip.<index of the range set> has the last address reserved from that set. Our other files have names that start
// with a dot: short-lived drafts, and .state, all of which may be deleted at any time.

/** A lease file: its name and its text. */
export interface Lease {
  readonly name: string;
  readonly text: string;
}

/** The text of the attachment's leases: the container, CR LF, the interface, without a line end. */
export function formatLease({ containerId, ifname }: ContainerInterface): string {
  return `${containerId.trim()}\r\n${ifname}`;
}

/** Whether a file of that name can be a lease: it has only characters of addresses. */
export function isLeaseName(name: string): boolean {
  return /^[0-9A-Fa-f:][0-9A-Fa-f:.]*$/.test(name);
}

/** The attachment's leases among these. If it has none, those with only its container, as written before 2018. */
export function selectLeases(leases: readonly Lease[], attachment: ContainerInterface): readonly Lease[] {
  const own = leases.filter((lease) => lease.text.trim() === formatLease(attachment));
  return own.length > 0 ? own : leases.filter((lease) => lease.text.trim() === attachment.containerId.trim());
}

/** The addresses of the leases, in the order of their names. */
export function addressesOf(leases: readonly Lease[]): readonly Address[] {
  const names = leases.map((lease) => lease.name).sort();
  return names.map(parseAddress).filter((address) => address !== undefined);
}

/** The owner in the lease's text, without surrounding white space. */
export function ownerOf(lease: Lease): string {
  return lease.text.trim();
}

/** An owner as readable text. */
export function describeOwner(owner: string): string {
  const [containerId = "", ifname] = owner.split("\r\n");
  return ifname === undefined ? `container ${containerId}` : `container ${containerId}, interface ${ifname}`;
}

const SPACE = 0x20;

/** Whether the file is empty or zeros, as a crash leaves it. Such a file is a lease without an owner. */
export function isVoid(lease: Lease): boolean {
  // Most leases begin with a letter, and a network may have tens of thousands.
  return !(lease.text.charCodeAt(0) > SPACE) && /^[\s\0]*$/.test(lease.text);
}
