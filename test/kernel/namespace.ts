import type { Address, Family } from "../../src/ip/address.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import type { Connection } from "../../src/netlink/conntrack/message.ts";
import type { decodeFilter } from "../../src/netlink/filter/message.ts";
import type { Message } from "../../src/netlink/message.ts";
import type { QdiscMessage } from "../../src/netlink/qdisc/message.ts";
import type { PolicyRule } from "../../src/netlink/rule/message.ts";
import type { FakeLink } from "./link.ts";
import { firstRules } from "./policy-requests.ts";
import { Rules } from "./rules.ts";
import { Sysctls } from "./sysctls.ts";

/** A filter in the words of its message. */
export type FilterMessage = ReturnType<typeof decodeFilter>;

/** An address on a link. `flags` are IFA_F. */
export interface FakeAddress {
  readonly prefix: Prefix;
  readonly index: number;
  readonly scope: number;
  readonly broadcast: Address | undefined;
  flags: number;
}

/** One way of a route. */
export interface Way {
  readonly index: number;
  readonly gateway: Address | undefined;
}

/** A route; of one IPv6 destination there may be several ways. */
export interface FakeRoute {
  readonly destination: Prefix;
  readonly table: number;
  readonly priority: number;
  readonly scope: number;
  readonly protocol: number;
  readonly type: number;
  readonly preferredSource: Address | undefined;
  readonly mtu: number | undefined;
  readonly advmss: number | undefined;
  readonly isOnLink: boolean;
  readonly ways: readonly Way[];
}

/** Who waits for events of a group. */
export interface Listener {
  readonly group: number;
  readonly queue: Message[];
}

/** A network namespace of the kernel in memory: all that is in it. */
export class FakeNamespace {
  readonly name: string;
  /** By which it is opened: "/run/netns/NAME". */
  readonly path: string;
  /** The descriptor that stands for it. It is none of this process. */
  readonly fd: number;
  readonly links = new Map<number, FakeLink>();
  addresses: readonly FakeAddress[] = [];
  routes: readonly FakeRoute[] = [];
  /** Policy rules of both families, by priority. */
  policy: readonly PolicyRule[] = firstRules();
  qdiscs: readonly QdiscMessage[] = [];
  /** Indices of links that have ever had an ingress qdisc: the place for one stays. */
  readonly ingressed = new Set<number>();
  filters: readonly FilterMessage[] = [];
  readonly sysctls = new Sysctls();
  /** nf_tables. */
  rules = new Rules();
  /** Tracked connections, and those that were deleted. */
  connections: readonly Connection[] = [];
  readonly deletedConnections: Connection[] = [];
  /** Addresses that another host has: detection of duplicates finds them. */
  takenElsewhere: readonly Address[] = [];
  /** What happens when somebody waits, one after the other. */
  readonly later: (() => void)[] = [];
  readonly listeners = new Set<Listener>();
  /** The namespaces that links of this one have their other end in, by the numbers that the kernel gives them here. */
  readonly peers: FakeNamespace[] = [];
  #lastIndex = 0;

  constructor(name: string, fd: number) {
    this.name = name;
    this.path = `/run/netns/${name}`;
    this.fd = fd;
  }

  /** An index that no link has had, and none has that came from another namespace. */
  nextIndex(): number {
    do this.#lastIndex++;
    while (this.links.has(this.#lastIndex));
    return this.#lastIndex;
  }

  /** The number of another namespace, as seen from here. */
  numberOf(other: FakeNamespace): number {
    if (!this.peers.includes(other)) this.peers.push(other);
    return this.peers.indexOf(other);
  }

  /** The same, if it has one. */
  findNumber(other: FakeNamespace): number | undefined {
    return this.peers.includes(other) ? this.peers.indexOf(other) : undefined;
  }

  addressesOf(index: number, family?: Family): readonly FakeAddress[] {
    return this.addresses.filter((each) => {
      return each.index === index && (family === undefined || each.prefix.address.family === family);
    });
  }

  /** Tells those who listen to a group. */
  tell(group: number, message: Message): void {
    for (const listener of this.listeners) if (listener.group === group) listener.queue.push(message);
  }
}
