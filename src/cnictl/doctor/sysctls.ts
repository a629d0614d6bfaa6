import type { Family } from "../../ip/address.ts";
import { nameOf, setting } from "../../linux/sysctl-name.ts";
import { findLink } from "../../netlink/link/get.ts";
import type { Link } from "../../netlink/link/message.ts";
import { listUplinks } from "../../netlink/route/uplinks.ts";
import { FORWARDING } from "../../steps/forwarding.ts";
import type { Host } from "../../steps/host.ts";
import { judgeBridgedPackets } from "./bridged-packets.ts";
import { type Check, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { isRouted, type Needs, needsOf } from "./needs.ts";

/** A bridge that is there, and what networks with it need. */
interface UsedBridge {
  readonly link: Link;
  readonly networks: readonly Needs[];
}

/** Kernel parameters that keep containers from the network. */
export const sysctlCheck: Check = {
  name: "sysctl",
  run: (examination) => {
    const needs = examination.networks.map(needsOf);
    const bridges = findBridges(examination.host, needs);
    return [
      ...orCannotTell("forwarding", () => judgeForwarding(examination.host, bridges)),
      ...orCannotTell("rp_filter", () => judgeReversePath(examination.host, bridges)),
      ...orCannotTell("accept_ra", () => judgeAdvertisements(examination.host, needs)),
      ...orCannotTell("disable_ipv6", () => judgeIpv6(examination.host, { needs, bridges })),
      ...orCannotTell("bridge-nf-call", () => judgeBridgedPackets(examination, needs)),
    ];
  },
};

function findBridges({ netlink }: Host, needs: readonly Needs[]): readonly UsedBridge[] {
  const names = new Set(
    needs.flatMap(({ bridges }) => bridges.filter((each) => each.isRouted)).map(({ bridge }) => bridge),
  );
  return [...names].flatMap((name) => {
    const link = findLink(netlink, name);
    const networks = needs.filter(({ bridges }) => bridges.some((each) => each.isRouted && each.bridge === name));
    return link === undefined ? [] : [{ link, networks }];
  });
}

function uses({ networks }: UsedBridge, family: Family): boolean {
  return networks.some(({ families }) => families.includes(family));
}

/** ADD turns forwarding on with a network's first container, so it matters once the bridge is there. */
function judgeForwarding({ sysctls, netlink }: Host, bridges: readonly UsedBridge[]): readonly Found[] {
  return ([4, 6] as const).flatMap((family): readonly Found[] => {
    const users = bridges.filter((bridge) => uses(bridge, family));
    if (users.length === 0) return [];
    const names = [...new Set(users.flatMap(({ networks }) => networks.map(({ name }) => name)))].join(", ");
    const all = FORWARDING[family];
    const links = [...users.map(({ link }) => link), ...listUplinks(netlink, family)].map(({ name }) => name);
    const off = sysctls.find(all) === "0" ? [all] : [];
    const some = links
      .map((link) => `net/ipv${family}/conf/${link}/forwarding`)
      .filter((path) => sysctls.find(path) === "0");
    // Turning it on for all turns it on for each link.
    const wrong = off.length > 0 ? off : some;
    if (wrong.length === 0) {
      return [{ level: "ok" as const, subject: nameOf(all), message: `the host forwards IPv${family}, for ${names}` }];
    }
    return wrong.map((path) => ({
      level: "error" as const,
      subject: nameOf(path),
      message: `0: the host does not forward IPv${family} ${path === all ? "" : "through this link "}for networks ${names}`,
      cure: setting(path, "1"),
    }));
  });
}

/** Strict filtering drops packets that come in by another link than the one that answers would take. */
function judgeReversePath({ sysctls, netlink }: Host, bridges: readonly UsedBridge[]): readonly Found[] {
  const links = [...bridges.filter((each) => uses(each, 4)).map(({ link }) => link), ...listUplinks(netlink, 4)];
  const filterOf = (name: string) => Number(sysctls.find(`net/ipv4/conf/${name}/rp_filter`) ?? 0);
  // The kernel takes the larger of the two. Documentation/networking/ip-sysctl.rst
  return links.map(({ name }) => {
    const path = `net/ipv4/conf/${name}/rp_filter`;
    const value = Math.max(filterOf("all"), filterOf(name));
    if (value !== 1) return { level: "ok", subject: nameOf(path), message: `${value}: not strict` };
    const message =
      "1: strict. The host drops packets that come in here if the answer would leave by another link, as with two uplinks, a VPN or routes by policy";
    return { level: "note", subject: nameOf(path), message, cure: setting(path, "2") };
  });
}

/** A host that forwards IPv6 ignores router advertisements, and loses its default route, unless accept_ra is 2. */
function judgeAdvertisements({ sysctls, netlink }: Host, needs: readonly Needs[]): readonly Found[] {
  const isUsed = needs.some((each) => each.families.includes(6) && isRouted(each));
  if (!isUsed || sysctls.find(FORWARDING[6]) !== "1") return [];
  const uplinks = [...listUplinks(netlink, 6), ...listUplinks(netlink, 4)].map(({ name }) => name);
  return [...new Set(uplinks)].map((name) => {
    const path = `net/ipv6/conf/${name}/accept_ra`;
    const value = sysctls.find(path) ?? "0";
    if (value !== "1") return { level: "ok", subject: nameOf(path), message: value };
    const message =
      "1: the host forwards IPv6, so this link ignores router advertisements, and an address or a default route that came by them expires";
    return { level: "warning", subject: nameOf(path), message, cure: setting(path, "2") };
  });
}

function judgeIpv6(
  { sysctls }: Host,
  { needs, bridges }: { needs: readonly Needs[]; bridges: readonly UsedBridge[] },
): readonly Found[] {
  const users = needs.filter(({ families }) => families.includes(6));
  if (users.length === 0) return [];
  const names = users.map(({ name }) => name).join(", ");
  if (sysctls.find("net/ipv6/conf/all/disable_ipv6") === undefined) {
    const message = `the kernel runs without IPv6, which networks ${names} need`;
    return [
      {
        level: "error",
        subject: "ipv6",
        message,
        cure: "remove ipv6.disable=1 from the kernel's command line, and reboot",
      },
    ];
  }
  const there = bridges.filter((bridge) => uses(bridge, 6)).map(({ link }) => link.name);
  return there.map((name) => {
    const path = `net/ipv6/conf/${name}/disable_ipv6`;
    if (sysctls.find(path) !== "1") return { level: "ok", subject: nameOf(path), message: "IPv6 is on" };
    const message = `1: the bridge has no IPv6, which networks ${names} need`;
    return { level: "error", subject: nameOf(path), message, cure: setting(path, "0") };
  });
}
