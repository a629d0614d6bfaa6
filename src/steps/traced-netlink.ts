import type { CallTrace, OpenStep, Phase, Refusal, StepRequest, Subject } from "../cni/call-trace.ts";
import { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU } from "../linux/ifreq.ts";
import { NFT_MSG } from "../netfilter/nftables/message.ts";
import type { Acknowledgement } from "../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../netlink/answers.ts";
import { IPCTNL_MSG } from "../netlink/conntrack/header.ts";
import { NFNL_SUBSYS } from "../netlink/nfnetlink.ts";
import type { Pending } from "../netlink/pending.ts";
import { RTM, RTNLGRP } from "../netlink/rtnetlink.ts";
import type { Events, Netlink, Protocol } from "../netlink/socket.ts";
import { errnoName, errnoText } from "../platform/errno.ts";

/** A socket whose requests become steps of a trace, with the kernel's answers, and do what those of `netlink` do. */
export function traceNetlink<P extends Protocol>(netlink: Netlink<P>, trace: CallTrace, inside: boolean): Netlink<P> {
  const { protocol } = netlink;
  const ioctl = (kind: string, action: string) => trace.open({ phase: "links", kind, action, inside });
  return {
    ...netlink,
    request: (request) => {
      const step = trace.open(subjectOf(protocol, request, inside));
      return step.run(() => netlink.request(hearing(request, step)));
    },
    transact: (requests) => {
      const [first] = requests;
      if (requests.length < 2 || first === undefined) return netlink.transact(requests);
      const told = new Map(requests.filter(isChange).map((request) => [request, describeRequest(protocol, request)]));
      const detail = { requests: [...told.values()] };
      const step = trace.open({ ...subjectOf(protocol, first, inside), kind: "transaction" }, detail);
      return step.run(() => netlink.transact(requests.map((each) => hearing(each, told.get(each) ?? step))));
    },
    begin: (request, held) => {
      const step = trace.open(subjectOf(protocol, request, inside));
      return tracePending(
        step.run(() => netlink.begin(hearing(request, step), held)),
        step,
      );
    },
    ask: (what, name) => {
      const step = ioctl(IOCTLS[what] ?? `ioctl 0x${what.toString(16)}`, `ask for link "${name}"`);
      return step.run(() => {
        const answer = netlink.ask(what, name);
        if (answer.errno !== 0) step.refuse(describeErrno(answer.errno));
        return answer;
      });
    },
    hasIndex: (index) => ioctl("SIOCGIFNAME", `look for interface ${index}`).run(() => netlink.hasIndex(index)),
    listen: (group) => {
      const kind = `RTNLGRP_${nameIn(RTNLGRP, group) ?? group}`;
      const step = trace.open({ phase: "events", kind, action: "wait for an event", inside });
      return traceEvents(netlink.listen(group), step);
    },
  };
}

const IOCTLS: Readonly<Record<number, string>> = {
  [SIOCGIFFLAGS]: "SIOCGIFFLAGS",
  [SIOCGIFMTU]: "SIOCGIFMTU",
  [SIOCGIFHWADDR]: "SIOCGIFHWADDR",
  [SIOCGIFINDEX]: "SIOCGIFINDEX",
};

function subjectOf(protocol: Protocol, request: NetlinkRequest, inside: boolean): Subject {
  const phase = protocol === "netfilter" ? "netfilter" : phaseOf(request.type);
  return { phase, ...describeRequest(protocol, request), inside };
}

/** The first type of message of each kind of object. <linux/rtnetlink.h> */
const FIRST = { addresses: RTM.NEWADDR, routes: RTM.NEWROUTE, shaping: RTM.NEWQDISC, vlans: RTM.NEWVLAN } as const;

function phaseOf(type: number): Phase {
  if (type < FIRST.addresses || type >= FIRST.vlans) return "links";
  if (type < FIRST.routes) return "addresses";
  return type < FIRST.shaping ? "routes" : "shaping";
}

function describeRequest(protocol: Protocol, { type, action }: NetlinkRequest): { kind: string; action: string } {
  return { kind: nameOf(protocol, type), action };
}

function nameOf(protocol: Protocol, type: number): string {
  if (protocol === "route") return `RTM_${nameIn(RTM, type) ?? type}`;
  const message = type & 0xff;
  if (type >> 8 === NFNL_SUBSYS.NFTABLES) return `NFT_MSG_${nameIn(NFT_MSG, message) ?? message}`;
  if (type >> 8 === NFNL_SUBSYS.CTNETLINK) return `IPCTNL_MSG_${nameIn(IPCTNL_MSG, message) ?? message}`;
  return `NFNL_MSG_${type}`;
}

/** Whether it is no beginning or end of a transaction of nf_tables, which have numbers below those of any subsystem and of rtnetlink. */
function isChange({ type }: NetlinkRequest): boolean {
  return type > 0x11;
}

function nameIn(names: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.entries(names).find(([, each]) => each === value)?.[0];
}

/** The request, with the kernel's verdict on it as the step's. */
function hearing(request: NetlinkRequest, step: OpenStep | StepRequest): NetlinkRequest {
  const hear = (acknowledgement: Acknowledgement) => {
    const refusal = describeVerdict(acknowledgement, request);
    if (refusal === undefined) return;
    if ("refuse" in step) step.refuse(refusal);
    else Object.assign(step, { error: refusal });
  };
  return { ...request, hear };
}

function describeVerdict({ errno, text }: Acknowledgement, { expected }: NetlinkRequest): Refusal | undefined {
  if (errno === 0) return text === undefined ? undefined : { message: "", kernel: text };
  return {
    ...describeErrno(errno),
    ...(text !== undefined && { kernel: text }),
    ...(expected?.includes(errno) === true && { expected: true }),
  };
}

function describeErrno(errno: number): Refusal {
  return { errno: errnoName(errno), message: errnoText(errno) };
}

function tracePending({ isAnswered, finish, leave }: Pending, step: OpenStep): Pending {
  return {
    isAnswered: (milliseconds) => step.run(() => isAnswered(milliseconds)),
    finish: () => step.run(finish),
    leave: () => step.run(leave),
  };
}

function traceEvents({ next, close }: Events, step: OpenStep): Events {
  return { next: (deadline) => step.run(() => next(deadline)), close };
}
