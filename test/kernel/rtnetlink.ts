import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { addLinkLocal, requestAddresses, requestDeleteAddress, requestNewAddress } from "./address-requests.ts";
import type { Answer } from "./answer.ts";
import { requestDeleteLink, requestLinks, requestNewLink, requestSetLink } from "./link-requests.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { requestNetnsId } from "./netns-requests.ts";
import { requestDeletePolicy, requestNewPolicy, requestPolicy } from "./policy-requests.ts";
import { requestVlans } from "./port-requests.ts";
import { Refusal } from "./refusal.ts";
import { requestDeleteRoute, requestNewRoute, requestRoutes } from "./route-requests.ts";
import {
  requestDeleteQdisc,
  requestFilters,
  requestNewFilter,
  requestNewQdisc,
  requestQdisc,
} from "./traffic-requests.ts";

type Change = (machine: Machine, namespace: FakeNamespace, request: NetlinkRequest) => void;
type Question = (machine: Machine, namespace: FakeNamespace, request: NetlinkRequest) => readonly Answer[];

const CHANGES: Readonly<Record<number, Change>> = {
  [RTM.NEWLINK]: requestNewLink,
  [RTM.SETLINK]: requestSetLink,
  [RTM.DELLINK]: requestDeleteLink,
  [RTM.NEWADDR]: (_, namespace, request) => requestNewAddress(namespace, request),
  [RTM.DELADDR]: (_, namespace, request) => requestDeleteAddress(namespace, request),
  [RTM.NEWROUTE]: (_, namespace, request) => requestNewRoute(namespace, request),
  [RTM.NEWRULE]: (_, namespace, request) => requestNewPolicy(namespace, request),
  [RTM.DELRULE]: (_, namespace, request) => requestDeletePolicy(namespace, request),
  [RTM.DELROUTE]: (_, namespace, request) => requestDeleteRoute(namespace, request),
  [RTM.NEWQDISC]: requestNewQdisc,
  [RTM.DELQDISC]: (_, namespace, request) => requestDeleteQdisc(namespace, request),
  [RTM.NEWTFILTER]: (_, namespace, request) => requestNewFilter(namespace, request),
};

const QUESTIONS: Readonly<Record<number, Question>> = {
  [RTM.GETLINK]: requestLinks,
  [RTM.GETADDR]: (_, namespace, request) => requestAddresses(namespace, request),
  [RTM.GETROUTE]: (_, namespace, request) => requestRoutes(namespace, request),
  [RTM.GETRULE]: (_, namespace, request) => requestPolicy(namespace, request),
  [RTM.GETQDISC]: (_, namespace, request) => requestQdisc(namespace, request),
  [RTM.GETTFILTER]: (_, namespace, request) => requestFilters(namespace, request),
  [RTM.GETVLAN]: requestVlans,
  [RTM.GETNSID]: requestNetnsId,
};

/** Answers a request of rtnetlink; one that changes something has nothing to tell. @throws Refusal */
export function answerRtnetlink(
  machine: Machine,
  namespace: FakeNamespace,
  request: NetlinkRequest,
): readonly Answer[] {
  const ask = QUESTIONS[request.type];
  if (ask !== undefined) return ask(machine, namespace, request);
  const change = CHANGES[request.type];
  if (change === undefined) throw new Refusal(ERRNO.EOPNOTSUPP);
  try {
    change(machine, namespace, request);
  } finally {
    machine.settle(addLinkLocal);
  }
  return [];
}
