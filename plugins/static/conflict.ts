import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { type Address, type Family, formatAddress } from "../../src/ip/address.ts";
import { isInterfaceMac } from "../../src/ip/mac.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { poll } from "../../src/linux/poll.ts";
import { hasArp } from "../../src/netlink/link/brief.ts";
import { findChild, placeOfParent } from "../../src/netlink/link/child.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { bringUp } from "../../src/steps/bring-up.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { type Asking, askByArp, askByNd, type Claim } from "./claims.ts";

/** How many probes are sent for each address. RFC 5227, 1.1: PROBE_NUM */
const PROBES = 3;

/** The pause between two probes, and after the last one, in ms. RFC 5227 has seconds, which an ADD should not take. */
const INTERVAL_MS = 100;
const LAST_INTERVAL_MS = 200;

/** How long an interface that was set up may take to have a carrier, in ms. Network cards need seconds. */
const CARRIER_MS = 5000;

/**
 * Asks the container's link whether another host has one of the addresses, for all of them at the same time. A link without a carrier
 * reaches nobody: that is logged. @throws CniError addressUnavailable that names the address and the MAC which has it; invalidConfig
 * without the interface; unsupportedField if it has no ARP
 */
export function refuseConflicts(request: Request, host: Host, addresses: readonly Address[]): void {
  if (addresses.length === 0) return;
  const container = openContainer(host, request.netns);
  const link = requireInterface(container, request.ifname);
  undoOnError(request.log, (defer) => {
    if (!bringUp(container, link, { timeout: CARRIER_MS, defer })) {
      const seconds = CARRIER_MS / 1000;
      request.log(`Cannot check for address conflicts: "${link.name}" has had no carrier for ${seconds} s`);
      return;
    }
    const claims = collectClaims(findPlace({ host, container, link }), addresses);
    if (claims.length > 0) throw refusal(claims, link);
  });
}

function requireInterface(container: Container, ifname: string): Link {
  const link = findInterface(container, ifname);
  const impossible = `Cannot check for address conflicts: "${ifname}"`;
  if (link === undefined) {
    throw new CniError("invalidConfig", `${impossible} is not in ${container.path}`, {
      details: "call static when the interface exists, or remove ipam.checkConflict",
    });
  }
  if (isInterfaceMac(link.mac) && hasArp(container.netlink, link)) return link;
  throw new CniError("unsupportedField", `${impossible} is on a link without ARP`, {
    details: "remove ipam.checkConflict",
  });
}

/** A link to send from, and its namespace. */
interface Sender {
  readonly link: Link;
  readonly within: <T>(run: () => T) => T;
}

/**
 * The container's interface. For an ipvlan it is the link below: answers to 0.0.0.0 are for none of the ipvlans that have one MAC, so the
 * kernel leaves them there.
 */
function findPlace({ host, container, link }: { host: Host; container: Container; link: Link }): Sender {
  const inside = { link, within: <T>(run: () => T) => container.within(run) };
  if (link.kind !== "ipvlan") return inside;
  const child = findChild(container.netlink, "ipvlan", link.name);
  const isInside = child === undefined || placeOfParent(container.netlink, child) !== "elsewhere";
  const below = findLink(isInside ? container.netlink : host.netlink, child?.parent ?? 0);
  if (below?.mac !== link.mac) return inside;
  return isInside ? { ...inside, link: below } : { link: below, within: (run) => run() };
}

/** Probes until somebody claims an address, or nobody has in time. */
function collectClaims({ link, within }: Sender, addresses: readonly Address[]): readonly Claim[] {
  const asking: Asking[] = [];
  const of = (family: Family) => addresses.filter((address) => address.family === family);
  try {
    if (of(4).length > 0) asking.push(within(() => askByArp(link, of(4))));
    if (of(6).length > 0) asking.push(within(() => askByNd(link, of(6))));
    for (let sent = 1; sent <= PROBES; sent++) {
      for (const each of asking) each.ask();
      const claims = listen(asking, sent === PROBES ? LAST_INTERVAL_MS : INTERVAL_MS);
      if (claims.length > 0) return claims;
    }
    return [];
  } finally {
    for (const each of asking) each.leave();
  }
}

/** All claims of an interval: one answer does not end it, because others are on their way. */
function listen(asking: readonly Asking[], milliseconds: number): readonly Claim[] {
  const claims: Claim[] = [];
  const deadline = readBootClock() + milliseconds;
  for (;;) {
    for (const each of asking) claims.push(...each.claims());
    const left = deadline - readBootClock();
    if (left <= 0) return claims;
    const fds = asking.map(({ fd }) => fd);
    poll(fds, left);
  }
}

function refusal(claims: readonly Claim[], { name }: Link): CniError {
  const sentences = claims.map(({ address, mac, isProbe }) => {
    const what = isProbe ? "asks for it, too" : "has it";
    return `Cannot use ${formatAddress(address)}: the host with MAC ${mac} on the link of "${name}" ${what}`;
  });
  return new CniError("addressUnavailable", [...new Set(sentences)].join("; "), {
    details: "give the container another address, or remove it from that host",
  });
}
