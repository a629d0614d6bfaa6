import { type Address, isSameAddress, isUnspecified } from "../../src/ip/address.ts";
import { decodeMac, type Mac } from "../../src/ip/mac.ts";
import { icmp6Types } from "../../src/linux/packet-filter.ts";
import { BROADCAST, ETH_P, openPacketSocket, type ReceivedPacket } from "../../src/linux/packet-socket.ts";
import type { LinkBrief } from "../../src/netlink/link/brief.ts";
import { decodeArp, encodeArpProbe } from "./arp.ts";
import { ALL_HOSTS, decodeNeighbour, encodeSolicitation, groupMacOf, ND } from "./neighbour.ts";

/** Another host has an address, or asks whether it can have it. */
export interface Claim {
  readonly address: Address;
  readonly mac: Mac;
  readonly isProbe: boolean;
}

/** Asks a link who has the addresses of one family. */
export interface Asking {
  /** It is readable when a packet arrives. */
  readonly fd: number;
  /** Sends a probe for each address. @throws LinuxError */
  readonly ask: () => void;
  /** The claims that have arrived. @throws LinuxError */
  readonly claims: () => readonly Claim[];
  /** Closes the socket: the process ends soon. */
  readonly leave: () => void;
}

type Probed = Pick<LinkBrief, "index" | "mac">;

/** Asks by ARP, in the calling thread's namespace. RFC 5227, 2.1 @throws LinuxError */
export function askByArp({ index, mac }: Probed, addresses: readonly Address[]): Asking {
  const { fd, send, receive, leave } = openPacketSocket({ index, protocol: ETH_P.ARP });
  return {
    fd,
    ask: () => {
      for (const address of addresses) send(encodeArpProbe(address, mac), BROADCAST);
    },
    claims: () => receive().flatMap(({ packet }) => claimsOfArp(packet, { addresses, own: mac })),
    leave,
  };
}

/** Asks by neighbour discovery, in the calling thread's namespace. RFC 4862, 5.4 @throws LinuxError */
export function askByNd({ index, mac }: Probed, addresses: readonly Address[]): Asking {
  const groups = [ALL_HOSTS, ...addresses.map(groupMacOf)];
  const filter = icmp6Types([ND.SOLICITATION, ND.ADVERTISEMENT]);
  const { fd, send, receive, leave } = openPacketSocket({ index, protocol: ETH_P.IPV6, filter, groups });
  return {
    fd,
    ask: () => {
      for (const address of addresses) send(encodeSolicitation(address), groupMacOf(address));
    },
    claims: () => receive().flatMap((received) => claimsOfNd(received, { addresses, own: mac })),
    leave,
  };
}

/** The addresses that are asked for, and the MAC of who asks: a switch may send its probes back. */
interface Question {
  readonly addresses: readonly Address[];
  readonly own: Mac;
}

/** Whoever sends from an address has it. A sender of 0.0.0.0 probes for it. RFC 5227, 2.1.1 */
function claimsOfArp(packet: Uint8Array, { addresses, own }: Question): readonly Claim[] {
  const message = decodeArp(packet);
  if (message === undefined) return [];
  const { isRequest, sender, senderMac: mac, target } = message;
  const isProbe = isRequest && isUnspecified(sender) && mac !== own;
  return addresses.flatMap((address): readonly Claim[] => {
    if (isSameAddress(address, sender)) return [{ address, mac, isProbe: false }];
    return isProbe && isSameAddress(address, target) ? [{ address, mac, isProbe }] : [];
  });
}

/** Whoever advertises an address has it. A solicitation from "::" probes for it. RFC 4862, 5.4.3 and 5.4.4 */
function claimsOfNd({ packet, sender }: ReceivedPacket, { addresses, own }: Question): readonly Claim[] {
  const message = decodeNeighbour(packet);
  if (message === undefined) return [];
  const { isSolicitation: isProbe, source, target } = message;
  const mac = decodeMac(sender);
  if (isProbe && (source.value !== 0n || mac === own)) return [];
  return addresses.filter((address) => isSameAddress(address, target)).map((address) => ({ address, mac, isProbe }));
}
