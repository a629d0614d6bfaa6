import type { Mac } from "../../src/ip/mac.ts";
import { IFF } from "../../src/netlink/link/header.ts";
import { encodeLink } from "../../src/netlink/link/message.ts";
import { RTM, RTNLGRP } from "../../src/netlink/rtnetlink.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { addLoopbackAddresses, routesGoUp } from "./address-routes.ts";
import { type FakeLink, IF_OPER, isReady, settledState } from "./link.ts";
import { FakeNamespace } from "./namespace.ts";

/** Descriptors of namespaces begin here: no process has so many. */
const FIRST_FD = 1_000_000;

/** What the kernel in memory can do; a test takes away what it wants to miss. */
export interface Features {
  /** Kinds of links. */
  readonly kinds: Set<string>;
  /** CONFIG_BRIDGE_VLAN_FILTERING. */
  vlanFiltering: boolean;
  /** Whether a link that is made in another namespace needs a name that is free in both: before about Linux 6.15. */
  namesInBoth: boolean;
  /** Whether an ipvlan tells the namespace of its parent: not in Linux 5.4. */
  ipvlanNetns: boolean;
  nftables: boolean;
  /** CONFIG_NFT_NAT, and from Linux 5.2 on for family inet. */
  translation: boolean;
  /** CONFIG_NF_TABLES_BRIDGE. */
  bridgeRules: boolean;
  /** Expressions of rules that it has not got, like "masq". */
  readonly missingExpressions: Set<string>;
  /** Kinds of queueing disciplines. */
  readonly qdiscs: Set<string>;
}

/** All namespaces of a kernel, and the settings that they share. */
export class Machine {
  readonly namespaces: FakeNamespace[] = [];
  readonly features: Features = {
    kinds: new Set(["bridge", "veth", "ifb", "dummy", "macvlan", "ipvlan", "vlan", "vrf"]),
    vlanFiltering: true,
    namesInBoth: false,
    ipvlanNetns: true,
    nftables: true,
    translation: true,
    bridgeRules: true,
    missingExpressions: new Set(),
    qdiscs: new Set(["tbf", "ingress"]),
  };
  /** Whether links take their time to come up: until somebody waits for events. */
  isSlow = false;
  readonly #onItsWay = new Set<FakeLink>();
  #macs = 0;

  /** A new namespace with lo, up unless told. */
  addNamespace(name: string, { up = true } = {}): FakeNamespace {
    const namespace = new FakeNamespace(name, FIRST_FD + this.namespaces.length);
    this.namespaces.push(namespace);
    const lo = newLink(namespace, { kind: "", name: "lo", mac: "00:00:00:00:00:00", mtu: 65_536 });
    namespace.links.set(lo.index, lo);
    namespace.sysctls.addLink("lo");
    if (!up) return namespace;
    lo.flags = IFF.UP;
    addLoopbackAddresses(namespace, lo);
    routesGoUp(namespace, lo);
    return namespace;
  }

  /** The namespace that a descriptor stands for. @throws LinuxError EBADF */
  byDescriptor(fd: number): FakeNamespace {
    const found = this.namespaces.find((namespace) => namespace.fd === fd);
    if (found === undefined) throw new LinuxError(`use descriptor ${fd}`, { syscall: "netlink", errno: ERRNO.EBADF });
    return found;
  }

  /** The MAC of a link that nobody gave one: another one each time, in order. */
  nextMac(): Mac {
    this.#macs++;
    return `06:00:00:00:00:${this.#macs.toString(16).padStart(2, "0")}`;
  }

  /** Brings the state of all links to where it belongs, and tells who listens; with `isSlow` none comes up before somebody waits. */
  settle(onReady: (namespace: FakeNamespace, link: FakeLink) => void): void {
    // A bridge's state follows from its ports', a veth's from its other end's.
    let isChanged = true;
    while (isChanged) {
      isChanged = false;
      for (const namespace of this.namespaces) {
        for (const link of namespace.links.values())
          isChanged = this.#settleLink(namespace, link, onReady) || isChanged;
      }
    }
  }

  /** Whether the link is another now. */
  #settleLink(
    namespace: FakeNamespace,
    link: FakeLink,
    onReady: (namespace: FakeNamespace, link: FakeLink) => void,
  ): boolean {
    const state = settledState(namespace, link);
    if (state === link.operationalState) return false;
    if (this.isSlow && state === IF_OPER.UP) {
      if (!this.#onItsWay.has(link)) namespace.later.push(() => this.#arrive(namespace, link, onReady));
      this.#onItsWay.add(link);
      return false;
    }
    link.operationalState = state;
    tellOfLink(namespace, link.index);
    if (isReady(link)) onReady(namespace, link);
    return true;
  }

  #arrive(namespace: FakeNamespace, link: FakeLink, onReady: (namespace: FakeNamespace, link: FakeLink) => void): void {
    this.#onItsWay.delete(link);
    link.operationalState = settledState(namespace, link);
    tellOfLink(namespace, link.index);
    if (isReady(link)) onReady(namespace, link);
    this.settle(onReady);
  }
}

/** Tells those who listen that a link is new, or another. */
export function tellOfLink(namespace: FakeNamespace, index: number): void {
  const payload = encodeLink({ header: { index }, attributes: {} });
  namespace.tell(RTNLGRP.LINK, { type: RTM.NEWLINK, flags: 0, sequence: 0, port: 0, payload });
}

/** A link as it is before anything is set; it is not in its namespace yet. */
export function newLink(
  namespace: FakeNamespace,
  link: Pick<FakeLink, "kind" | "name" | "mac" | "mtu"> & Partial<FakeLink>,
): FakeLink {
  return {
    index: namespace.nextIndex(),
    alternatives: [],
    kept: {},
    isMacGiven: false,
    isMtuGiven: false,
    flags: 0,
    operationalState: link.kind === "" ? IF_OPER.UNKNOWN : IF_OPER.DOWN,
    master: undefined,
    peer: undefined,
    parent: undefined,
    settings: {},
    alias: "",
    group: 0,
    transmitQueueLength: 1000,
    bridge: undefined,
    port: undefined,
    hardware: undefined,
    vlans: [],
    ...link,
  };
}
