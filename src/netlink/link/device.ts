import type { Mac } from "../../ip/mac.ts";
import { mac, text } from "../codec.ts";
import { decoderOf } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RTEXT_FILTER } from "./attributes.ts";
import { askForLink } from "./get.ts";
import { LINK_HEADER_SIZE } from "./header.ts";
import { decodeLink, encodeLink, type Link, readLink } from "./message.ts";
import { OTHER_NAMES } from "./other-names.ts";

/** Attributes that identify the hardware of a link. Since Linux 4.1, 5.6 and 5.14. <linux/if_link.h> */
const IFLA = { PHYS_PORT_NAME: 38, PERM_ADDRESS: 54, PARENT_DEV_NAME: 56, PARENT_DEV_BUS_NAME: 57 } as const;

/** What the kernel says of a link's hardware, and its other names. */
export const DEVICE_FIELDS = {
  portName: [IFLA.PHYS_PORT_NAME, text],
  permanentMac: [IFLA.PERM_ADDRESS, mac],
  parent: [IFLA.PARENT_DEV_NAME, text],
  bus: [IFLA.PARENT_DEV_BUS_NAME, text],
  ...OTHER_NAMES,
} as const;

const decodeHardware = decoderOf(DEVICE_FIELDS);

/** The hardware behind a link. All are undefined for a virtual link. */
export interface Hardware {
  /** The name of the device that the link belongs to, like "0000:00:1f.6", and its bus, like "pci" or "virtio". */
  readonly parent: string | undefined;
  readonly bus: string | undefined;
  /** The MAC that the device has by itself, whatever the link's MAC is now. */
  readonly permanentMac: Mac | undefined;
  /** The name of the port if the device has several links. */
  readonly portName: string | undefined;
}

/** A link with its hardware. */
export interface Device extends Link, Hardware {
  /** Its names besides its own. */
  readonly otherNames: readonly string[];
  /** The kind of its master: "bridge", "bond", "vrf", …; undefined without a master. */
  readonly masterKind: string | undefined;
}

/** The device of a link with that name, or one of its other names; undefined if there is none. @throws NetlinkError */
export function findDevice(netlink: Rtnetlink, name: string): Device | undefined {
  const payload = askForLink(netlink, name);
  return payload && readDevice(payload);
}

/** The devices of all links of a namespace, like `ip -details link show`, in the kernel's order. @throws NetlinkError */
export function listDevices(netlink: Rtnetlink): readonly Device[] {
  const payload = encodeLink({ header: {}, attributes: { extensions: RTEXT_FILTER.SKIP_STATS } });
  const messages = netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action: "list the links" });
  return messages.map((message) => readDevice(message.payload));
}

/** Reads a link and its hardware in a message from the kernel. @throws RangeError on malformed input */
export function readDevice(bytes: Uint8Array): Device {
  const { parent, bus, permanentMac, portName, otherNames = [] } = decodeHardware(bytes, LINK_HEADER_SIZE);
  const masterKind = decodeLink(bytes).attributes.info?.portKind;
  return { ...readLink(bytes), parent, bus, permanentMac, portName, otherNames, masterKind };
}
