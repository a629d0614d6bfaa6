import { encodeMac } from "../../src/ip/mac.ts";
import type { InterfaceAnswer } from "../../src/linux/ifreq.ts";
import { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU } from "../../src/linux/ifreq.ts";
import { askUntilWhole, collectAnswers, type NetlinkRequest } from "../../src/netlink/answers.ts";
import { text } from "../../src/netlink/codec.ts";
import { encodeFields } from "../../src/netlink/fields.ts";
import { IPVLAN_MODE } from "../../src/netlink/link/child.ts";
import { HEADER_SIZE, type Message, NLM_F, NLMSG } from "../../src/netlink/message.ts";
import type { Pending } from "../../src/netlink/pending.ts";
import type { Events, Netlink, Protocol } from "../../src/netlink/socket.ts";
import { concat } from "../../src/platform/bytes.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { type Answer, isDump } from "./answer.ts";
import { type FakeLink, findByName, isReady } from "./link.ts";
import type { FakeNamespace, Listener } from "./namespace.ts";
import type { Refusal } from "./refusal.ts";

/** Bytes of the union in struct ifreq. <linux/if.h> */
const IFREQ_DATA = 24;

/** enum nlmsgerr_attrs <linux/netlink.h> */
const EXPLANATION = { text: [1, text] } as const;

/** What became of one request that was sent with others. */
export interface Outcome {
  readonly request: NetlinkRequest;
  readonly answers: readonly Answer[];
  readonly refusal: Refusal | undefined;
}

/** What a socket of the kernel in memory needs of it. */
export interface Service {
  readonly namespace: FakeNamespace;
  /** Works off the requests of one datagram. @throws LinuxError ENOBUFS where the answer is lost */
  readonly send: (requests: readonly NetlinkRequest[]) => readonly Outcome[];
  /** Whether the kernel takes its time. */
  readonly isSlow: () => boolean;
  /** Told when the socket is closed. */
  readonly onClose: () => void;
}

/** The flags of a link that is operationally up, and of one whose hosts do not find each other's MACs. <net/if.h> */
const IFF = { RUNNING: 0x40, NOARP: 0x80 } as const;

/** A socket as the product opens it. What it is answered is read by the product's own code, as it is encoded by its own. */
export function fakeSocket<P extends Protocol>(
  { protocol, namespace, send, isSlow, onClose }: Service & { readonly protocol: P },
  fd: number,
): Netlink<P> {
  let isOpen = true;
  const requireOpen = () => {
    if (!isOpen) throw new LinuxError("send to a socket", { syscall: "sendto", errno: ERRNO.EBADF });
  };
  const exchange = (requests: readonly NetlinkRequest[], awaited: (request: NetlinkRequest) => boolean) => {
    requireOpen();
    const numbered = new Map(requests.map((request, index) => [index + 1, request]));
    const messages = send(requests).flatMap((outcome) => {
      return messagesOf(outcome, requests.indexOf(outcome.request) + 1);
    });
    return collectAnswers(numbered, { awaited, receive: () => messages });
  };
  const request = (each: NetlinkRequest) => askUntilWhole(each, () => exchange([each], () => true));
  return {
    protocol,
    fd,
    request,
    transact: (requests) => exchange(requests, ({ flags }) => (flags & NLM_F.ACK) !== 0).messages,
    begin: (each) => begun(() => request(each), isSlow()),
    ask: (what, name) => {
      requireOpen();
      return askInterface(namespace, what, name);
    },
    hasIndex: (index) => {
      requireOpen();
      return namespace.links.has(index);
    },
    listen: (group) => listen(namespace, group),
    close: () => {
      requireOpen();
      isOpen = false;
      onClose();
    },
  };
}

/** Done at once, and by a kernel that takes its time when somebody waits; whoever waits first is told of a refusal. */
function begun(act: () => void, isLate: boolean): Pending {
  let left: (() => void) | undefined = act;
  if (!isLate) {
    try {
      act();
      left = undefined;
    } catch (error) {
      left = () => {
        throw error;
      };
    }
  }
  const finish = () => {
    const work = left;
    left = undefined;
    work?.();
  };
  const isAnswered = () => {
    finish();
    return true;
  };
  return { isAnswered, finish, leave: finish };
}

/** The next event; where there is none, what goes on in the kernel comes to its end first, one thing at a time. */
function listen(namespace: FakeNamespace, group: number): Events {
  const listener: Listener = { group, queue: [] };
  namespace.listeners.add(listener);
  const next = () => {
    while (listener.queue.length === 0) {
      const happening = namespace.later.shift();
      if (happening === undefined) return undefined;
      happening();
    }
    return listener.queue.splice(0);
  };
  return { next, close: () => void namespace.listeners.delete(listener) };
}

function askInterface(namespace: FakeNamespace, what: number, name: string): InterfaceAnswer {
  const data = new Uint8Array(IFREQ_DATA);
  const link = findByName(namespace, name);
  if (link === undefined) return { errno: ERRNO.ENODEV, data };
  const view = new DataView(data.buffer);
  if (what === SIOCGIFINDEX) view.setInt32(0, link.index, true);
  else if (what === SIOCGIFFLAGS) view.setInt16(0, flagsOf(link), true);
  else if (what === SIOCGIFMTU) view.setInt32(0, link.mtu, true);
  else if (what === SIOCGIFHWADDR) data.set(encodeMac(link.mac), 2);
  else return { errno: ERRNO.EINVAL, data };
  return { errno: 0, data };
}

/** An ipvlan has ARP only in L2 mode. */
function flagsOf(link: FakeLink): number {
  const isLayer3 = link.kind === "ipvlan" && link.settings["mode"] !== IPVLAN_MODE.L2;
  return (isReady(link) ? IFF.RUNNING : 0) | (isLayer3 ? IFF.NOARP : 0);
}

function messagesOf({ request, answers, refusal }: Outcome, sequence: number): readonly Message[] {
  if (refusal !== undefined) return [refuse(request, refusal, sequence)];
  const many = isDump(request);
  const flags = many ? NLM_F.MULTI : 0;
  const told = answers.map(({ type, payload }) => ({ type, flags, sequence, port: 0, payload }));
  if (many) return [...told, { type: NLMSG.DONE, flags, sequence, port: 0, payload: new Uint8Array(4) }];
  if ((request.flags & NLM_F.ACK) === 0) return told;
  const payload = new Uint8Array(4 + HEADER_SIZE);
  return [...told, { type: NLMSG.ERROR, flags: NLM_F.CAPPED, sequence, port: 0, payload }];
}

/** struct nlmsgerr, and behind it the explanation; a list that is refused as it begins ends with the same. */
function refuse(request: NetlinkRequest, { errno, text: explanation }: Refusal, sequence: number): Message {
  const header = new Uint8Array(4 + HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setInt32(0, -errno, true);
  view.setUint16(4 + 4, request.type, true);
  const flags = NLM_F.CAPPED | (explanation === undefined ? 0 : NLM_F.ACK_TLVS);
  const payload = concat([header, encodeFields(EXPLANATION, { text: explanation })]);
  return { type: NLMSG.ERROR, flags, sequence, port: 0, payload };
}
