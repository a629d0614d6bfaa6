import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";

/** What can be set on the container's interface, by the names of the configuration. What is undefined stays as it is. */
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

/** The lowest MTU with which the kernel has IPv6 on a link: below it takes all such addresses away. RFC 8200, 5 */
const IPV6_MIN_MTU = 1280;

/** Refuses an MTU with which the interface would lose one of its addresses. @throws CniError invalidConfig */
export function refuseLosingIpv6({ mtu }: LinkSettings, ips: readonly IpConfig[]): void {
  const lost = ips.find(({ address }) => address.address.family === 6)?.address;
  if (mtu === undefined || mtu >= IPV6_MIN_MTU || lost === undefined) return;
  const message = `Cannot use mtu ${mtu} with address ${formatPrefix(lost)}: IPv6 needs at least ${IPV6_MIN_MTU}`;
  throw new CniError("invalidConfig", message);
}

/** How the link is now, in all that `wanted` sets. */
export function currentSettings(link: Link, wanted: LinkSettings): LinkSettings {
  return {
    mac: wanted.mac && link.mac,
    promisc: wanted.promisc === undefined ? undefined : link.promiscuous,
    mtu: wanted.mtu && link.mtu,
    allmulti: wanted.allmulti === undefined ? undefined : link.allMulticast,
    txQLen: wanted.txQLen === undefined ? undefined : link.transmitQueueLength,
  };
}

/** Sets all of it in one request, like `ip link set dev NAME …`. @throws NetlinkError, and some may be set by then */
export function applySettings(netlink: Rtnetlink, link: LinkId, settings: LinkSettings): void {
  const { mac, promisc: promiscuous, mtu, allmulti: allMulticast, txQLen: transmitQueueLength } = settings;
  setLink(netlink, link, { mac, mtu, transmitQueueLength, promiscuous, allMulticast });
}

/** The same one by one, so that each can be tried whatever becomes of the others. */
export function separate({ mac, promisc, mtu, allmulti, txQLen }: LinkSettings): readonly LinkSettings[] {
  return [{ mtu }, { mac }, { promisc }, { allmulti }, { txQLen }].filter((each) => !isEmpty(each));
}

/** What is not as wanted, as sentences. A link that is promiscuous for somebody else's sake is. */
export function compareSettings(link: Link, wanted: LinkSettings): readonly string[] {
  const found = { ...currentSettings(link, wanted), ...(wanted.promisc && { promisc: link.promiscuity > 0 }) };
  const names = ["mac", "promisc", "mtu", "allmulti", "txQLen"] as const;
  return names
    .filter((name) => wanted[name] !== undefined && found[name] !== wanted[name])
    .map((name) => `Interface "${link.name}" has ${name} ${found[name]}, expected ${wanted[name]}`);
}
