import { CniError } from "../cni/error.ts";
import type { Mac } from "../ip/mac.ts";
import type { Attachment } from "../netfilter/owner.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { addVeth } from "../netlink/link/add.ts";
import { BR_STATE, IF_OPER } from "../netlink/link/attributes.ts";
import { getLinkBrief, type LinkBrief } from "../netlink/link/brief.ts";
import { beginDeletion, deleteLink } from "../netlink/link/delete.ts";
import { findLink, hasLink } from "../netlink/link/get.ts";
import type { Link, LinkId } from "../netlink/link/message.ts";
import { setLink, setPort } from "../netlink/link/set.ts";
import { waitForLink } from "../netlink/link/wait.ts";
import type { Nfnetlink, Rtnetlink } from "../netlink/socket.ts";
import { ERRNO } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";
import { randomMac } from "./hardware-address.ts";
import type { Container, Host } from "./host.ts";
import { randomName } from "./link-name.ts";
import { claimOf, ownership } from "./owned-links.ts";
import { attemptSysctl } from "./sysctl.ts";
import { changeOwing, type Defer } from "./undo.ts";

/**
 * How a container is connected to the host: to a bridge, or without one to the host itself. `mtu` is in bytes, 0 for the
 * kernel's default. Without `mac` a random MAC is used.
 */
export interface VethSpec {
  readonly bridge?: LinkId | undefined;
  readonly container: Container;
  readonly ifname: string;
  readonly mtu: number;
  readonly mac: Mac | undefined;
  readonly isolated: boolean;
  /** Whether the host end is up from the start. */
  readonly up: boolean;
  /** The owner of the host end, by which listOwnPorts finds it. */
  readonly owner: Attachment;
}

/** Both ends of a veth: the one on the host, which may be a bridge's port, and the container's interface. */
export interface VethPair {
  readonly port: LinkBrief;
  readonly inside: LinkBrief;
}

/** How long in ms a port may take to come up. It takes about a millisecond, and more when hundreds of calls run at once. */
const PORT_MS = 15_000;

/** How long in ms to wait for a link to be deleted, and the longest pause between two looks. */
const GONE_MS = 60_000;
const LONGEST_LOOK_MS = 4;

/** How many random names are tried for the host end. */
const NAME_ATTEMPTS = 10;

/**
 * Creates a veth between host and container in one request. The host end is a port of the bridge, if there is one; the
 * container's end is named `ifname` and is down. The veth is deleted if the call fails. @throws CniError interfaceExists if the
 * container already has that name
 */
export function connectVeth(host: Host, spec: VethSpec, defer: Defer): VethPair {
  const port = getLinkBrief(host.netlink, createVeth(host, spec, defer));
  setLink(host.netlink, port, ownership(spec.owner));
  attemptSysctl(() => host.sysctls.writeUnread(`net/ipv6/conf/${port.name}/accept_ra`, "0"));
  if (spec.isolated) setPort(host.netlink, port, { isolated: true });
  return { port, inside: getLinkBrief(spec.container.netlink, spec.ifname) };
}

/**
 * Waits until a bridge's port is up; it then forwards, unless the bridge runs a spanning tree. Both ends of the veth must be up
 * and the bridge must have noticed, usually within a millisecond. Returns the port in that state. @throws CniError
 * deadlineExceeded, or tryAgainLater if the bridge was deleted since
 */
export function waitForPort(host: Host, port: LinkId): Link {
  const ready = waitUntilUp(host, port, "bridge port in error state");
  if (ready.master === undefined) {
    throw new CniError("tryAgainLater", `Cannot use port "${port.name}": its bridge has just been deleted`);
  }
  return ready;
}

/** Waits until a veth's host end is up, and returns it in that state. `failure` says what it means if it is not. @throws CniError deadlineExceeded */
export function waitUntilUp(host: Host, port: LinkId, failure: string): Link {
  const ready = waitForLink(host.netlink, port, {
    timeout: PORT_MS,
    until: (now) => now.operationalState === IF_OPER.UP,
  });
  if (ready !== undefined) return ready;
  throw new CniError("deadlineExceeded", `${failure}: "${port.name}" is not up after ${PORT_MS / 1000} s`);
}

/** Whether a port that is up forwards packets. */
export function forwards({ port }: Link): boolean {
  return port?.state === undefined || port.state === BR_STATE.FORWARDING;
}

/**
 * Waits until a port forwards that a spanning tree blocks, up to twice the bridge's forward delay, usually 30 seconds. It logs
 * the wait, and logs again if the port still does not forward.
 */
export function waitForSpanningTree(
  host: Host,
  { bridge, port }: { bridge: Link; port: Link },
  log: (line: string) => void,
): void {
  const MS_OF_A_HUNDREDTH = 10;
  const needed = 2 * MS_OF_A_HUNDREDTH * (bridge.bridge?.forwardDelay ?? 0);
  log(
    `Bridge "${bridge.name}" takes part in a spanning tree: its port "${port.name}" forwards after ${needed / 1000} s, and ADD waits for that; where there are no loops: ip link set dev ${bridge.name} type bridge stp_state 0`,
  );
  if (waitForLink(host.netlink, port, { timeout: needed + PORT_MS, until: forwards }) !== undefined) return;
  log(`Port "${port.name}" still does not forward: the spanning tree of bridge "${bridge.name}" holds it back`);
}

/**
 * Deletes the link of that name, and for a veth also the other end. With `mac` or `kind`, only if the link has those. A missing
 * link is no error.
 */
export function deleteLinkIfThere(
  netlink: Rtnetlink,
  name: string,
  { mac, kind }: { mac?: Mac; kind?: string } = {},
): void {
  ignoring([ERRNO.ENODEV], () => {
    const link = findLink(netlink, name);
    if (link === undefined) return;
    if (link.mac === (mac ?? link.mac) && link.kind === (kind ?? link.kind)) deleteLink(netlink, link);
  });
}

/** A link that is being deleted. */
export interface LinkDeletion {
  /**
   * Returns once the other end, of that index, no longer exists. The kernel may need more time to finish. @throws NetlinkError
   * if it refuses
   */
  readonly untilGone: (netlink: Rtnetlink, index: number) => void;
  /** Returns once the kernel is done, or no longer needs this process. @throws as untilGone, unless untilGone already did */
  readonly leave: () => void;
  /** Returns once the kernel has finished the deletion. @throws as leave */
  readonly finish: () => void;
}

/** Starts to delete a link, and for a veth also the other end. A missing link is no error. `held` stays open until the kernel is done. */
export function beginDeletionIfThere(netlink: Rtnetlink, link: LinkId, held?: Nfnetlink): LinkDeletion {
  const deletion = beginDeletion(netlink, link, held);
  const started = performance.now();
  return {
    untilGone: (other, index) => {
      const isAnswered = (ms: number) => unlessGone(() => deletion.isAnswered(ms)) ?? true;
      while (hasLink(other, index)) {
        const waited = performance.now() - started;
        if (waited > GONE_MS) return unlessGone(deletion.finish);
        if (isAnswered(Math.min(LONGEST_LOOK_MS, Math.max(1, waited / 4)))) return;
      }
    },
    leave: () => unlessGone(deletion.leave),
    finish: () => unlessGone(deletion.finish),
  };
}

function unlessGone<T>(wait: () => T): T | undefined {
  return ignoring([ERRNO.ENODEV], () => wait());
}

/** Returns the name of the host end. */
function createVeth(host: Host, spec: VethSpec, defer: Defer): string {
  const { bridge, container, ifname } = spec;
  const mtu = spec.mtu === 0 ? {} : { mtu: spec.mtu };
  const peer = { name: ifname, netns: container.netns, mac: spec.mac ?? randomMac(), ...mtu };
  for (let attempt = 1; ; attempt++) {
    const [name, mac, group] = [randomName(), randomMac(), claimOf(spec.owner)];
    try {
      const reversal = () => deleteLinkIfThere(host.netlink, name, { mac });
      changeOwing(defer, reversal, () =>
        addVeth(host.netlink, { name, mac, group, master: bridge?.index, up: spec.up, peer, ...mtu }),
      );
      return name;
    } catch (error) {
      if (!(error instanceof NetlinkError && error.errno === ERRNO.EEXIST)) throw error;
      if (findLink(container.netlink, ifname) !== undefined) {
        const message = `container veth name (${JSON.stringify(ifname)}) peer provided (${JSON.stringify(name)}) already exists`;
        throw new CniError("interfaceExists", message, { cause: error });
      }
      if (attempt === NAME_ATTEMPTS) throw error;
    }
  }
}
