import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";

/** Settings of the container's interface, with the configuration's names. Undefined leaves a setting unchanged. */
export interface LinkSettings {
  readonly mac?: Mac | undefined;
  readonly promisc?: boolean | undefined;
  readonly mtu?: number | undefined;
  readonly allmulti?: boolean | undefined;
  readonly txQLen?: number | undefined;
}

/** Whether there is nothing to set. */
export function isEmpty(settings: LinkSettings): boolean {
  return Object.values(settings).every((value) => value === undefined);
}

/** The lowest MTU for IPv6 on a link. The kernel removes all IPv6 addresses of a link with a lower MTU. RFC 8200, 5 */
const IPV6_MIN_MTU = 1280;

/** Refuses an MTU that would remove one of the interface's addresses. @throws CniError invalidConfig */
export function refuseLosingIpv6({ mtu }: LinkSettings, ips: readonly IpConfig[]): void {
  const lost = ips.find(({ address }) => address.address.family === 6)?.address;
  if (mtu === undefined || mtu >= IPV6_MIN_MTU || lost === undefined) return;
  const message = `Cannot use mtu ${mtu} with address ${formatPrefix(lost)}: IPv6 needs at least ${IPV6_MIN_MTU}`;
  throw new CniError("invalidConfig", message);
}

/** The link's current values of all settings in `wanted`. */
export function currentSettings(link: Link, wanted: LinkSettings): LinkSettings {
  return {
    mac: wanted.mac && link.mac,
    promisc: wanted.promisc === undefined ? undefined : link.promiscuous,
    mtu: wanted.mtu && link.mtu,
    allmulti: wanted.allmulti === undefined ? undefined : link.allMulticast,
    txQLen: wanted.txQLen === undefined ? undefined : link.transmitQueueLength,
  };
}

/** Applies all settings in one request, like `ip link set dev NAME …`. @throws NetlinkError; some settings may be applied by then */
export function applySettings(netlink: Rtnetlink, link: LinkId, settings: LinkSettings): void {
  const { mac, promisc: promiscuous, mtu, allmulti: allMulticast, txQLen: transmitQueueLength } = settings;
  setLink(netlink, link, { mac, mtu, transmitQueueLength, promiscuous, allMulticast });
}

/** Splits the settings, so that each can be applied even if others fail. */
export function separate({ mac, promisc, mtu, allmulti, txQLen }: LinkSettings): readonly LinkSettings[] {
  return [{ mtu }, { mac }, { promisc }, { allmulti }, { txQLen }].filter((each) => !isEmpty(each));
}

/** The settings that differ from `wanted`, as sentences. A link may be promiscuous because of other software; that counts as set. */
export function compareSettings(link: Link, wanted: LinkSettings): readonly string[] {
  const found = { ...currentSettings(link, wanted), ...(wanted.promisc && { promisc: link.promiscuity > 0 }) };
  const names = ["mac", "promisc", "mtu", "allmulti", "txQLen"] as const;
  return names
    .filter((name) => wanted[name] !== undefined && found[name] !== wanted[name])
    .map((name) => `Interface "${link.name}" has ${name} ${found[name]}, expected ${wanted[name]}`);
}
