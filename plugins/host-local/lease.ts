import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";

// A network's folder holds, byte for byte as the reference's: a file per leased address, named by the address and saying
// whose it is, and last_reserved_ip.<index of the range set>, the address last taken from that set. Whatever else is put
// there has a name that starts with a dot: a draft for a moment, and .state, all of which may be deleted at any time.

/** A lease file: its name and what it says. */
export interface Lease {
  readonly name: string;
  readonly text: string;
}

/** What a lease of the attachment says: the container, CR LF, the interface; no line end. */
export function formatLease({ containerId, ifname }: ContainerInterface): string {
  return `${containerId.trim()}\r\n${ifname}`;
}

/** Whether a file of that name can be a lease: made of what addresses are made of. */
export function isLeaseName(name: string): boolean {
  return /^[0-9A-Fa-f:][0-9A-Fa-f:.]*$/.test(name);
}

/** The attachment's leases among these; where it has none, those that name its container alone, as before 2018. */
export function selectLeases(leases: readonly Lease[], attachment: ContainerInterface): readonly Lease[] {
  const own = leases.filter((lease) => lease.text.trim() === formatLease(attachment));
  return own.length > 0 ? own : leases.filter((lease) => lease.text.trim() === attachment.containerId.trim());
}

/** The addresses that the leases are for, in the order of their names. */
export function addressesOf(leases: readonly Lease[]): readonly Address[] {
  const names = leases.map((lease) => lease.name).sort();
  return names.map(parseAddress).filter((address) => address !== undefined);
}

/** What the lease says of its owner, without white space around it. */
export function ownerOf(lease: Lease): string {
  return lease.text.trim();
}

/** An owner as people read it. */
export function describeOwner(owner: string): string {
  const [containerId = "", ifname] = owner.split("\r\n");
  return ifname === undefined ? `container ${containerId}` : `container ${containerId}, interface ${ifname}`;
}

/** Whether the file says nothing, or zeros, as a crash leaves it; such a file is nobody's lease. */
export function isVoid(lease: Lease): boolean {
  return /^[\s\0]*$/.test(lease.text);
}
