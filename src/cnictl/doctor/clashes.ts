import { formatAddress, offsetAddress } from "../../ip/address.ts";
import { formatPrefix, lastAddress, networkAddress, type Prefix, prefixesOverlap } from "../../ip/prefix.ts";
import { selectStale } from "../../netfilter/owner.ts";
import { findLink } from "../../netlink/link/get.ts";
import { RT_TABLE, RTN } from "../../netlink/route/header.ts";
import { findRoute, listRoutesWithin } from "../../netlink/route/list.ts";
import type { KernelRoute } from "../../netlink/route/message.ts";
import type { Host } from "../../steps/host.ts";
import { listOwned } from "../../steps/owned-links.ts";
import { type Check, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { type Needs, needsOf } from "./needs.ts";

/** Addresses and routes that compete with a network's subnet. */
export const clashCheck: Check = {
  name: "clash",
  run: ({ networks, host }) => {
    const needs = networks.map(needsOf);
    return needs.flatMap((each, index) => [
      ...needs.slice(index + 1).flatMap((other) => compare(each, other)),
      ...orCannotTell(each.name, () => each.subnets.flatMap((subnet) => judgeSubnet(host, each, subnet))),
    ]);
  },
};

/** Two networks that give the same addresses to different containers. */
function compare(one: Needs, other: Needs): readonly Found[] {
  return one.subnets.flatMap((subnet) =>
    other.subnets
      .filter((each) => prefixesOverlap(subnet, each))
      .map((each) => ({
        level: "error" as const,
        subject: one.name,
        message: `its subnet ${formatPrefix(subnet)} overlaps ${formatPrefix(each)} of network ${other.name}: two containers may get one address`,
        cure: `give network ${other.name} a subnet of its own`,
      })),
  );
}

/** The host's addresses and routes in a network's subnet that are not its bridge's or its containers', and the route that covers all of it. */
function judgeSubnet(host: Host, { name, bridges, ptps }: Needs, subnet: Prefix): readonly Found[] {
  const veths = ptps.length === 0 ? [] : listOwned(host, "veth", selectStale(name, []));
  const own = [
    ...bridges.flatMap(({ bridge }) => findLink(host.netlink, bridge)?.index ?? []),
    ...veths.map(({ index }) => index),
  ];
  const isOther = ({ index }: KernelRoute) => index !== undefined && !own.includes(index);
  const within = (table: number, type: number) =>
    listRoutesWithin(host.netlink, subnet, { table }).filter((route) => route.type === type && isOther(route));
  const addresses = within(RT_TABLE.LOCAL, RTN.LOCAL);
  const routes = within(RT_TABLE.MAIN, RTN.UNICAST);
  const text = formatPrefix(subnet);
  const subject = name;
  const cure = `give network ${name} another subnet, or change the other one`;
  const found: readonly Found[] = [
    ...addresses.map(({ destination, index }) => ({
      level: "error" as const,
      subject,
      message: `link ${linkName(host, index)} has the address ${formatAddress(destination.address)}, in its subnet ${text}`,
      cure,
    })),
    ...routes.map(({ destination, index }) => ({
      level: destination.length === subnet.length ? ("error" as const) : ("warning" as const),
      subject,
      message: `the host's route to ${formatPrefix(destination)} through link ${linkName(host, index)} takes packets for its subnet ${text}`,
      cure,
    })),
    ...(own.length === 0 ? findCover(host, subnet) : []).map(({ destination, index }) => ({
      level: "note" as const,
      subject,
      message: `the host reaches ${formatPrefix(destination)} through link ${linkName(host, index)}; the part ${text} of it will be the containers'`,
      cure,
    })),
  ];
  return found.length > 0 ? found : [{ level: "ok", subject, message: `nothing else has ${text}` }];
}

/** The route, wider than the subnet, that all of it takes now; nothing if that is a default route. */
function findCover(host: Host, subnet: Prefix): readonly KernelRoute[] {
  const first = networkAddress(subnet);
  const inside = first.value === lastAddress(subnet).value ? first : offsetAddress(first, 1n);
  const route = findRoute(host.netlink, inside, { whole: true });
  if (route === undefined || route.type !== RTN.UNICAST) return [];
  return route.destination.length > 0 && route.destination.length < subnet.length ? [route] : [];
}

function linkName(host: Host, index: number | undefined): string {
  const link = index === undefined ? undefined : findLink(host.netlink, index);
  return link === undefined ? `${index}` : `"${link.name}"`;
}
