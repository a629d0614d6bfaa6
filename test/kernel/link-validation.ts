import { decodeMac, encodeMac, isInterfaceMac } from "../../src/ip/mac.ts";
import { decoderOf } from "../../src/netlink/fields.ts";
import { BRIDGE_FIELDS, type LinkAttributes } from "../../src/netlink/link/attributes.ts";
import { IPVLAN_FIELDS } from "../../src/netlink/link/child.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Machine } from "./machine.ts";
import { Refusal } from "./refusal.ts";

/** Bytes of a name, its NUL apart, and of an alias. <linux/if.h> */
const NAME_MAX = 15;
const ALIAS_MAX = 255;

/** All flags of ipvlans: private and VEPA. <linux/if_link.h> */
const IPVLAN_FLAGS = 0x3;

const TOO_LONG = "Attribute failed policy validation";

/** The first VLAN that none may be. IEEE 802.1Q, 9.6 */
const RESERVED_VLAN = 4095;

/** Refuses what the kernel refuses before it looks for the link. @throws Refusal ERANGE, EADDRNOTAVAIL, EINVAL */
export function validateLink({ features }: Machine, attributes: LinkAttributes): void {
  const { name, alias, mac, info } = attributes;
  if (name !== undefined && name.length > NAME_MAX) throw new Refusal(ERRNO.ERANGE, TOO_LONG);
  if (alias !== undefined && alias.length > ALIAS_MAX) throw new Refusal(ERRNO.ERANGE, TOO_LONG);
  if (info?.kind === undefined || !features.kinds.has(info.kind)) return;
  if (mac !== undefined) validateMac(mac);
  if (info.kind === "ipvlan" && info.data !== undefined) {
    const { flags = 0 } = decoderOf(IPVLAN_FIELDS)(info.data);
    if ((flags & ~IPVLAN_FLAGS) !== 0) throw new Refusal(ERRNO.EINVAL);
  }
  if (info.kind !== "bridge" || info.data === undefined || !features.vlanFiltering) return;
  const { defaultVlan = 0 } = decoderOf(BRIDGE_FIELDS)(info.data);
  if (defaultVlan >= RESERVED_VLAN) throw new Refusal(ERRNO.EINVAL);
}

/** Refuses a MAC that no link may have. @throws Refusal EADDRNOTAVAIL */
export function validateMac(mac: string): void {
  if (!isInterfaceMac(decodeMac(encodeMac(mac)))) throw new Refusal(ERRNO.EADDRNOTAVAIL);
}

/** Refuses a name that no link may have. @throws Refusal EINVAL */
export function validateName(name: string): void {
  if (name === "" || name === "." || name === ".." || /[/:\s]/.test(name)) throw new Refusal(ERRNO.EINVAL);
}
