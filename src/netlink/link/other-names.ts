import { decodeAttributes, encodeAttributes } from "../attribute.ts";
import { type Codec, text } from "../codec.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { payload } from "../struct.ts";
import { IFLA } from "./attributes.ts";
import { linkHeader } from "./header.ts";
import type { LinkId } from "./message.ts";

/** A link's alternative names, among its properties. Others are left out. Since Linux 5.5. */
const names: Codec<readonly string[]> = {
  encode: (list) => encodeAttributes(list.map((name) => ({ type: IFLA.ALT_IFNAME, value: text.encode(name) }))),
  decode: (bytes) =>
    decodeAttributes(bytes)
      .filter(({ type }) => type === IFLA.ALT_IFNAME)
      .map(({ value }) => text.decode(value)),
  nested: true,
};

/** The names of a link besides its own. */
export const OTHER_NAMES = { otherNames: [IFLA.PROP_LIST, names] } as const;

const { encode } = payload(linkHeader, OTHER_NAMES);

/** Gives a link one more name, like `ip link property add dev NAME altname OTHER`. @throws NetlinkError EEXIST if it is taken */
export function addOtherName(netlink: Rtnetlink, link: LinkId, name: string): void {
  change(netlink, { type: RTM.NEWLINKPROP, link, name, verb: "add" });
}

/** Takes one of its other names from a link, like `ip link property del dev NAME altname OTHER`. @throws NetlinkError ENOENT */
export function deleteOtherName(netlink: Rtnetlink, link: LinkId, name: string): void {
  change(netlink, { type: RTM.DELLINKPROP, link, name, verb: "delete" });
}

function change(
  netlink: Rtnetlink,
  { type, link, name, verb }: { type: number; link: LinkId; name: string; verb: string },
): void {
  const request = encode({ header: { index: link.index }, attributes: { otherNames: [name] } });
  const action = `${verb} the name "${name}" of link "${link.name}"`;
  netlink.request({ type, flags: NLM_F.ACK, payload: request, action });
}
