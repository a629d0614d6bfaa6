import { type Request, validAttachments } from "../cni/request.ts";
import type { Dns, Result } from "../cni/result.ts";
import { isOwnerComment } from "../netfilter/owner.ts";
import type { LinkBrief } from "../netlink/link/brief.ts";
import { type Child, type ChildKind, findChild } from "../netlink/link/child.ts";
import type { Link } from "../netlink/link/message.ts";
import { setLinkUp } from "../netlink/link/set.ts";
import { ERRNO } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";
import { checkAddresses } from "./check-addresses.ts";
import { findOwnChild, refuseTaken } from "./child-link.ts";
import { findContainer, openContainer } from "./container.ts";
import { checkInterface, refuseUnreportable } from "./container-interface.ts";
import { refuseDifferences } from "./differences.ts";
import type { Container, Host } from "./host.ts";
import { announceAddresses, configureInterface } from "./interface.ts";
import { checkWithIpam, chooseDns, collectLeases, holdAssignment, releaseAround } from "./ipam.ts";
import { reportLink } from "./reported.ts";
import { attemptSysctl } from "./sysctl.ts";
import { type Defer, runAll, undoOnError } from "./undo.ts";
import { beginDeletionIfThere, type LinkDeletion } from "./veth.ts";

// The verbs of a plugin that makes one link in the container, and lets an IPAM plugin give it addresses.

/** What such a plugin's ADD is to do, after its configuration was parsed. */
export interface Attaching {
  readonly dns: Dns | undefined;
  /** Makes the link, down, named as the request says, and defers its deletion. */
  readonly connect: (container: Container, defer: Defer) => LinkBrief;
  /** Addresses and routes that do not come from IPAM. */
  readonly assigned?: Pick<Result, "ips" | "routes"> | undefined;
}

/**
 * ADD: makes the link, asks the IPAM plugin if there is one, and configures the interface. `prepare` parses the configuration and
 * refuses what can be refused. On failure, every change of this call is undone.
 */
export function attach(request: Request, host: Host, prepare: () => Attaching): Result {
  return undoOnError(request.log, (defer) => {
    const ipam = holdAssignment(request, host, defer);
    const { dns, connect, assigned } = prepare();
    if (ipam === undefined && assigned === undefined) refuseUnreportable(request);
    const container = openContainer(host, request.netns);
    refuseTaken(container, request.ifname);
    // The kernel may refuse here, before IPAM takes an address. A DHCP client needs the link.
    const link = connect(container, defer);
    ipam?.begin();
    const answer = ipam?.result();
    const { ips, routes } = configure(container, link, answer ?? assigned);
    if (ipam?.usesInterface) announceLate(container, link);
    return { interfaces: [reportLink(link, request.netns)], ips, routes, dns: chooseDns(dns, answer) };
  });
}

/** Gives the interface its addresses, brings it up so that the kernel announces them, and adds the routes. */
function configure(
  container: Container,
  link: LinkBrief,
  given: Pick<Result, "ips" | "routes"> | undefined,
): Pick<Result, "ips" | "routes"> {
  if (given === undefined) {
    setLinkUp(container.netlink, link);
    return { ips: [], routes: [] };
  }
  container.within((sysctls) => {
    for (const path of [`net/ipv4/conf/${link.name}/arp_notify`, `net/ipv6/conf/${link.name}/ndisc_notify`])
      attemptSysctl(() => sysctls.writeUnread(path, "1"));
  });
  const ips = given.ips.map((ip) => ({ ...ip, interface: 0 }));
  configureInterface(container, link, { ips, routes: given.routes, enableDad: undefined, bringUp: true });
  return { ips, routes: given.routes };
}

/** The interface was up before it got its addresses. Not every driver lets the kernel announce them then: an ipvlan's MAC cannot be set. */
function announceLate(container: Container, link: LinkBrief): void {
  ignoring([ERRNO.EOPNOTSUPP, ERRNO.EBUSY], () => announceAddresses(container, link));
}

/**
 * DEL: deletes the link, and then releases the lease; a DHCP lease before. Works without the namespace, without prevResult, with any
 * configuration, and repeatedly. Runs every step, then throws all errors. Of several kinds, an interface of the first may lack an alias.
 */
export function detach(request: Request, host: Host, ...kinds: readonly (ChildKind | "tun")[]): void {
  let deletion: LinkDeletion | undefined;
  const remove = () => {
    const container = findContainer(host, request.netns);
    const link = container && findAnyChild(container, kinds, request);
    if (container === undefined || link === undefined) return;
    deletion = beginDeletionIfThere(container.netlink, link);
    deletion.untilGone(container.netlink, link.index);
  };
  runAll([...releaseAround(request, host, remove), () => deletion?.leave()]);
}

function findAnyChild(container: Container, kinds: readonly (ChildKind | "tun")[], owner: Request): Link | undefined {
  for (const [index, kind] of kinds.entries()) {
    const link = findOwnChild(container, kind, owner);
    if (link !== undefined && (index === 0 || isOwnerComment(link.alias))) return link;
  }
  return undefined;
}

/** What CHECK compares besides address, routes and MAC. */
export interface Checking<K extends ChildKind> {
  readonly result: Result;
  /** The differences of a link of the right kind, as sentences. */
  readonly compare: (child: Child<K>, container: Container) => readonly string[];
}

/**
 * CHECK: compares the container's interface with the result of ADD, in parallel with the IPAM plugin's CHECK. `prepare` parses the
 * configuration. @throws CniError checkFailed naming every difference
 */
export function checkAttachment<K extends ChildKind>(
  request: Request,
  host: Host,
  { kind, prepare }: { kind: K; prepare: () => Checking<K> },
): void {
  const { ifname, netns } = request;
  checkWithIpam(request, host, {
    inspect: () => ({ ...prepare(), container: openContainer(host, netns) }),
    compare: ({ container, result, compare }) => {
      const child = findChild(container.netlink, kind, ifname);
      const link = child?.link.name === ifname ? child.link : undefined;
      refuseDifferences([
        ...checkInterface(container, link, { ifname, kind, result, mayBeDown: false }),
        ...(child === undefined || link?.kind !== kind ? [] : compare(child, container)),
        ...(link === undefined ? [] : checkAddresses(container.netlink, link, result)),
      ]);
    },
  });
}

/** GC: the links end with their containers, so only the IPAM plugin has something to reclaim. @throws CniError */
export function collect(request: Request, host: Host): void {
  validAttachments(request);
  collectLeases(request, host);
}
