import { discard } from "../linux/discard.ts";
import { askInterface, hasInterfaceIndex, type InterfaceAnswer } from "../linux/ifreq.ts";
import { withNetns } from "../linux/netns.ts";
import { AF, bindSocket, openSocket, SOCK, SOL, setSocketOption } from "../linux/socket.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { handling } from "../platform/outcome.ts";
import type { NetlinkRequest } from "./answers.ts";
import { askUntilWhole, collectAnswers } from "./answers.ts";
import { kernelAddress, receiveMessages, sendWhole } from "./datagram.ts";
import type { Message } from "./message.ts";
import { encodeMessages, NLM_F } from "./message.ts";
import { begin, type Pending } from "./pending.ts";

/** Netlink protocols and socket options. <linux/netlink.h> */
const NETLINK = {
  ROUTE: 0,
  NETFILTER: 12,
  ADD_MEMBERSHIP: 1,
  CAP_ACK: 10,
  EXT_ACK: 11,
  GET_STRICT_CHK: 12,
} as const;

/** How long in ms the kernel may take to answer. It handles link changes one after another, for hundreds of parallel calls. */
const ANSWER_MS = 60_000;

/** Where to open a socket: in the caller's namespace, or in `netns` (a path or an open descriptor). */
export interface NetlinkOptions {
  readonly netns?: string | number;
}

/** The kernel subsystem of a socket: links, addresses, routes and traffic control; or nf_tables and conntrack. */
export type Protocol = "route" | "netfilter";

/**
 * A netlink socket, which serves the network namespace that it was opened in. The type parameter keeps the two protocols apart at
 * compile time.
 */
export interface Netlink<P extends Protocol = Protocol> {
  readonly protocol: P;
  readonly fd: number;
  /**
   * Sends a request and waits for its answer: an acknowledgement, an object, or a whole list. Returns all messages except
   * acknowledgements. @throws NetlinkError if it is refused, LinuxError ETIMEDOUT without an answer within 60 seconds
   */
  readonly request: (request: NetlinkRequest) => readonly Message[];
  /**
   * Sends requests as one datagram and waits for the acknowledgements of those with NLM_F_ACK. @throws NetlinkError for the first
   * refused one, with NLM_F_ACK or not, LinuxError ETIMEDOUT without an answer within 60 seconds
   */
  readonly transact: (requests: readonly NetlinkRequest[]) => readonly Message[];
  /**
   * Sends a request with acknowledgement from another process or thread and returns at once, because the kernel needs long for it.
   * `held` stays open until the kernel is done. This socket accepts no other request until the answer has been waited for. @throws as
   * `request`
   */
  readonly begin: (request: NetlinkRequest, held?: Netlink) => Pending;
  /** Asks about an interface with ioctl(2), which does not need the kernel's lock on all links. A request would wait for that. */
  readonly ask: (what: number, name: string) => InterfaceAnswer;
  /** Whether the namespace has an interface of that index, asked with ioctl(2). @throws LinuxError */
  readonly hasIndex: (index: number) => boolean;
  /** Listens to a multicast group, like RTNLGRP_LINK, in this namespace. If `netns` is a descriptor, it must still be open. */
  readonly listen: (group: number) => Events;
  readonly close: () => void;
}

/** A socket of NETLINK_ROUTE. rtnetlink(7) */
export type Rtnetlink = Netlink<"route">;

/** A socket of NETLINK_NETFILTER. */
export interface Nfnetlink extends Netlink<"netfilter"> {
  /** Transactions are held back: whether the kernel refuses them shows later. */
  readonly isGathering?: boolean;
}

/** Events of a namespace from now on. */
export interface Events {
  /**
   * The next messages, or undefined if `deadline` (of `performance.now()`) passes first. An empty list means that some were lost: read
   * the state again.
   */
  readonly next: (deadline: number) => readonly Message[] | undefined;
  readonly close: () => void;
}

/** Opens a socket for links, addresses, routes and traffic control. @throws LinuxError if the namespace or the socket cannot be opened */
export function openRtnetlink(options: NetlinkOptions = {}): Rtnetlink {
  return open("route", options);
}

/** Opens a socket for nf_tables and conntrack. @throws LinuxError EPROTONOSUPPORT if the kernel lacks netfilter's netlink */
export function openNfnetlink(options: NetlinkOptions = {}): Nfnetlink {
  return open("netfilter", options);
}

function open<P extends Protocol>(protocol: P, { netns }: NetlinkOptions): Netlink<P> {
  const fd = openIn(protocol, netns);
  let sequence = 0;
  const number = (requests: readonly NetlinkRequest[]) => new Map(requests.map((request) => [++sequence, request]));
  const collect = (
    numbered: ReadonlyMap<number, NetlinkRequest>,
    awaited: (request: NetlinkRequest) => boolean,
    first?: readonly Message[],
  ) => {
    const deadline = performance.now() + ANSWER_MS;
    let ahead = first;
    const receive = () => {
      const messages = ahead ?? receiveMessages(fd, deadline) ?? refuseSilence([...numbered.values()]);
      ahead = undefined;
      return messages;
    };
    return collectAnswers(numbered, { awaited, receive });
  };
  const exchange = (requests: readonly NetlinkRequest[], awaited: (request: NetlinkRequest) => boolean) => {
    const numbered = number(requests);
    sendWhole(fd, encodeRequests(numbered));
    return collect(numbered, awaited);
  };
  return {
    protocol,
    fd,
    request: (request) => askUntilWhole(request, () => exchange([request], () => true)),
    transact: (requests) => exchange(requests, (request) => (request.flags & NLM_F.ACK) !== 0).messages,
    begin: (request, held) => {
      const numbered = number([request]);
      const bytes = encodeRequests(numbered);
      const receive = (deadline: number) => receiveMessages(fd, deadline);
      const all = (first?: readonly Message[]) => void collect(numbered, () => true, first);
      return begin({ bytes, held: held?.fd }, { fd, send: () => sendWhole(fd, bytes), receive, collect: all });
    },
    ask: (what, name) => askInterface(fd, what, name),
    hasIndex: (index) => hasInterfaceIndex(fd, index),
    listen: (group) => listen(protocol, netns, group),
    close: () => discard(fd),
  };
}

const NUMBERS = { route: NETLINK.ROUTE, netfilter: NETLINK.NETFILTER } as const;

function openIn(protocol: Protocol, netns: NetlinkOptions["netns"]): number {
  const make = () => openSocket(AF.NETLINK, SOCK.RAW, NUMBERS[protocol]);
  const fd = netns === undefined ? make() : withNetns(netns, make);
  for (const name of [NETLINK.EXT_ACK, NETLINK.CAP_ACK, NETLINK.GET_STRICT_CHK]) {
    setSocketOption(fd, { level: SOL.NETLINK, name, value: 1 });
  }
  return fd;
}

function encodeRequests(numbered: ReadonlyMap<number, NetlinkRequest>): Uint8Array {
  const messages: Message[] = [];
  for (const [sequence, { type, flags, payload }] of numbered) {
    messages.push({ type, flags: flags | NLM_F.REQUEST, sequence, port: 0, payload });
  }
  return encodeMessages(messages);
}

function refuseSilence(requests: readonly NetlinkRequest[]): never {
  const reason = `the kernel did not answer within ${ANSWER_MS / 1000} seconds`;
  throw new LinuxError(requests[0]?.action ?? "ask the kernel", {
    syscall: "recvfrom",
    errno: ERRNO.ETIMEDOUT,
    reason,
  });
}

function listen(protocol: Protocol, netns: NetlinkOptions["netns"], group: number): Events {
  const fd = openIn(protocol, netns);
  try {
    bindSocket(fd, kernelAddress());
    join(fd, group);
  } catch (error) {
    discard(fd);
    throw error;
  }
  return { next: (deadline) => receiveEvents(fd, deadline), close: () => discard(fd) };
}

function join(fd: number, group: number): void {
  if (setSocketOption(fd, { level: SOL.NETLINK, name: NETLINK.ADD_MEMBERSHIP, value: group })) return;
  throw new LinuxError(`listen to netlink group ${group}`, { syscall: "setsockopt", errno: ERRNO.EPERM });
}

/** The kernel reports lost messages once, with ENOBUFS. */
function receiveEvents(fd: number, deadline: number): readonly Message[] | undefined {
  const receive = () => receiveMessages(fd, deadline);
  return handling([ERRNO.ENOBUFS], receive, () => []);
}
