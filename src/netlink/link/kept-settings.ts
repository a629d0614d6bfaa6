import { mac, u8, u32 } from "../codec.ts";
import { nest, type Values } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { payload } from "../struct.ts";
import { askForLink } from "./get.ts";
import { IFF, linkHeader } from "./header.ts";
import type { LinkId } from "./message.ts";
import { XDP_FIELDS } from "./xdp.ts";

const FLAGS = IFF.NOARP | IFF.MULTICAST | IFF.DYNAMIC | IFF.PROMISC | IFF.ALLMULTI;

/** Attributes of a link. <linux/if_link.h> */
const IFLA = {
  BROADCAST: 2,
  TXQLEN: 13,
  LINKMODE: 17,
  GROUP: 27,
  PROTO_DOWN: 39,
  GSO_MAX_SEGS: 40,
  GSO_MAX_SIZE: 41,
  XDP: 43,
  GRO_MAX_SIZE: 58,
} as const;

const SETTINGS = {
  broadcast: [IFLA.BROADCAST, mac],
  transmitQueueLength: [IFLA.TXQLEN, u32],
  group: [IFLA.GROUP, u32],
  /** Whether it waits for a program before it carries traffic: `ip link set dev NAME mode dormant`. */
  mode: [IFLA.LINKMODE, u8],
  protocolDown: [IFLA.PROTO_DOWN, u8],
  gsoMaxSegments: [IFLA.GSO_MAX_SEGS, u32],
  gsoMaxSize: [IFLA.GSO_MAX_SIZE, u32],
  groMaxSize: [IFLA.GRO_MAX_SIZE, u32],
} as const;

export const KEPT_FIELDS = { ...SETTINGS, xdp: [IFLA.XDP, nest(XDP_FIELDS, false)] } as const;

const NAMES = [
  "broadcast",
  "transmitQueueLength",
  "group",
  "mode",
  "protocolDown",
  "gsoMaxSegments",
  "gsoMaxSize",
  "groMaxSize",
] as const satisfies readonly (keyof typeof SETTINGS)[];

/** What a link keeps when it moves to another network namespace, besides its names, MAC, MTU and alias. What the kernel does not report is undefined. */
export type KeptSettings = Pick<Values<typeof SETTINGS>, (typeof NAMES)[number]> & {
  /** Its flags NOARP, MULTICAST, DYNAMIC, PROMISC and ALLMULTI. */
  readonly flags: number;
  /** What the kernel says of its XDP programs. */
  readonly xdp?: Values<typeof XDP_FIELDS> | undefined;
};

const { encode, decode } = payload(linkHeader, KEPT_FIELDS);

/** The settings of a link; undefined if it is gone. @throws NetlinkError */
export function findKeptSettings(netlink: Rtnetlink, { index }: LinkId): KeptSettings | undefined {
  const answer = askForLink(netlink, index);
  if (answer === undefined) return undefined;
  const { header, attributes } = decode(answer);
  const { unknown: _, ...settings } = attributes;
  return { ...settings, flags: header.flags & FLAGS };
}

/**
 * The requests that give a link the `wanted` settings, one for each that differs from those `found`, like `ip link set dev NAME arp on`.
 * Each throws NetlinkError if the driver does not take it. XDP programs are not set.
 */
export function settingRequests(
  netlink: Rtnetlink,
  link: LinkId,
  { found, wanted }: { found: KeptSettings; wanted: Omit<KeptSettings, "xdp"> },
): readonly (() => void)[] {
  const request = (what: string, message: Parameters<typeof encode>[0]) => () => {
    const header = { index: link.index, ...message.header };
    const action = `set ${what} on link "${link.name}"`;
    const bytes = encode({ header, attributes: message.attributes });
    netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload: bytes, action });
  };
  const change = found.flags ^ wanted.flags;
  const flags = request(`flags 0x${wanted.flags.toString(16)}`, {
    header: { flags: wanted.flags, change },
    attributes: {},
  });
  const isDifferent = (name: (typeof NAMES)[number]) => wanted[name] !== undefined && wanted[name] !== found[name];
  return [
    ...(change === 0 ? [] : [flags]),
    ...NAMES.filter(isDifferent).map((name) =>
      request(`${name} ${wanted[name]}`, { header: {}, attributes: { [name]: wanted[name] } }),
    ),
  ];
}
