/** A frame as nf_tables reads it on a bridge. <net/netfilter/nf_tables_ipv4.h>, <net/netfilter/nf_tables_ipv6.h> */
export interface Packet {
  readonly frame: Buffer;
  /** The type behind one VLAN tag. */
  readonly type: number;
  readonly network: Buffer;
  /** Undefined where the headers do not say. */
  readonly protocol: number | undefined;
  /** Undefined in a later fragment, too. */
  readonly transport: Buffer | undefined;
  /** The fragment header of IPv6, and what follows. */
  readonly fragmentHeader: Buffer | undefined;
}

const ETH_P = { IP: 0x0800, IPV6: 0x86dd, VLAN: [0x8100, 0x88a8] } as const;

/** Headers of IPv6 that another may follow: hop-by-hop options, routing, fragment, destination options. RFC 8200 */
const HEADER = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, DESTINATION: 60 } as const;
const EXTENSIONS: readonly number[] = Object.values(HEADER);

export function readPacket(frame: Buffer): Packet {
  const [outer, inner] = [frame.readUInt16BE(12), frame.length < 18 ? 0 : frame.readUInt16BE(16)];
  const isTagged = ETH_P.VLAN.some((each) => each === outer);
  const type = isTagged ? inner : outer;
  const network = frame.subarray(isTagged ? 18 : 14);
  const content = type === ETH_P.IP ? readIpv4(network) : type === ETH_P.IPV6 ? readIpv6(network) : { ...NOTHING };
  return { frame, type, network, ...content };
}

type Content = Pick<Packet, "protocol" | "transport" | "fragmentHeader">;

const NOTHING: Content = { protocol: undefined, transport: undefined, fragmentHeader: undefined };

function readIpv4(network: Buffer): Content {
  const isLater = (network.readUInt16BE(6) & 0x1fff) !== 0;
  const transport = isLater ? undefined : network.subarray(((network[0] ?? 0) & 0xf) * 4);
  return { ...NOTHING, protocol: network[9], transport };
}

/** Goes from header to header, as ipv6_find_hdr() does. */
function readIpv6(network: Buffer): Content {
  let rest = network.subarray(40);
  let next = network[6] ?? 0;
  let fragmentHeader: Buffer | undefined;
  while (EXTENSIONS.includes(next)) {
    if (rest.length < 8) return { ...NOTHING, fragmentHeader };
    const [following = 0, length = 0] = rest;
    if (next === HEADER.FRAGMENT) {
      fragmentHeader = rest;
      const isLater = (rest.readUInt16BE(2) & 0xfff8) !== 0;
      if (isLater)
        return EXTENSIONS.includes(following)
          ? { ...NOTHING, fragmentHeader }
          : { ...NOTHING, protocol: following, fragmentHeader };
    }
    rest = rest.subarray(next === HEADER.FRAGMENT ? 8 : (length + 1) * 8);
    next = following;
  }
  return { protocol: next, transport: rest, fragmentHeader };
}
