import type { Family } from "../../ip/address.ts";
import { type DroppingChain, findDroppingChains } from "../../netfilter/forward-refusal.ts";
import { CT_STATE, IPS } from "../../netfilter/nftables/expression/ct.ts";
import { findLink } from "../../netlink/link/get.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";
import { listUplinks } from "../../netlink/route/uplinks.ts";
import type { Nfnetlink, Rtnetlink } from "../../netlink/socket.ts";
import { type DroppingRules, type Fate, readChain } from "./chain-walk.ts";
import type { Found } from "./finding.ts";
import { type Needs, routedLinks } from "./needs.ts";
import type { ForwardedPacket, PacketLink } from "./packet-field.ts";

/** A chain of nf_tables that drops forwarded packets which its rules do not accept. */
export interface ExaminedChain extends DroppingChain {
  readonly families: readonly Family[];
  readonly rules: DroppingRules;
}

/** The chains of findDroppingChains() with their rules. @throws NetlinkError */
export function examineChains(netlink: Nfnetlink): readonly ExaminedChain[] {
  return findDroppingChains(netlink).map((chain) => ({
    ...chain,
    families: FAMILIES.filter((family) => chain.key.family === NFPROTO.INET || chain.key.family === PROTOCOL[family]),
    rules: readChain(netlink, chain.key),
  }));
}

const FAMILIES = [4, 6] as const;
const PROTOCOL = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const;

/** The commands that insert rules into a chain, and what else is to do. */
export function insertion({ chain: { table, name } }: DroppingChain, rules: readonly string[]): string {
  const it = rules.length === 1 ? "it" : "them";
  const advice = `put ${it} into that firewall's own file, too, because its next reload loses ${it}`;
  return `${advice}: ${rules.map((rule) => `nft insert rule ${table} ${name} ${rule} accept`).join("; ")}`;
}

/** What a chain does with the packets of networks that the host routes for. Accepts in other tables do not help. */
export function judgeChain(host: Rtnetlink, examined: ExaminedChain, needs: readonly Needs[]): readonly Found[] {
  const ways = needs.flatMap((each) => waysOf(host, examined, each));
  if (ways.length === 0) return [];
  const subject = `${examined.chain.table} ${examined.chain.name}`;
  const what = `this chain of nftables ${examined.how}`;
  const ok = { level: "ok", message: `${what}, and accepts the packets of containers` } as const;
  return [{ subject, ...(findCut(examined, what, ways) ?? findClosed(examined, what, ways) ?? ok) }];
}

/** Whether a chain lets the containers of one bridge reach each other, as far as it gets their packets. */
export function fateBetween(
  host: Rtnetlink,
  { rules }: ExaminedChain,
  { bridge, family }: { bridge: string; family: Family },
): Fate {
  const link = linkOf(host, bridge);
  return rules.fateOf({ family, from: link, to: link, state: CT_STATE.NEW, status: 0 });
}

type Judgement = Omit<Found, "subject">;

/** Containers that send or get nothing, or may not. */
function findCut(examined: ExaminedChain, what: string, ways: readonly Way[]): Judgement | undefined {
  const blocked = ways.flatMap(({ link, out, back }) => [
    { fate: out, rule: `iifname ${quote(link)}`, text: `from ${link}` },
    { fate: back, rule: `oifname ${quote(link)}`, text: `to ${link}` },
  ]);
  const missing = blocked.filter(({ fate }) => fate !== "accepted");
  if (missing.length === 0) return undefined;
  const cure = insertion(examined, [...new Set(missing.map(({ rule }) => rule))]);
  const dropped = [...new Set(missing.filter(({ fate }) => fate === "dropped").map(({ text }) => text))];
  if (dropped.length === 0) {
    const message = `${what}: containers are cut off unless its own rules accept their packets`;
    return { level: "warning", message, cure };
  }
  const message = `${what}, and none of its rules accepts packets ${dropped.join(" or ")}: containers are cut off`;
  return { level: "error", message, cure };
}

/** Published ports that nobody elsewhere reaches. */
function findClosed(examined: ExaminedChain, what: string, ways: readonly Way[]): Judgement | undefined {
  const closed = ways.filter(({ hasPorts, published }) => hasPorts && published === "dropped");
  if (closed.length === 0) return undefined;
  const networks = [...new Set(closed.map(({ network }) => network))].join(", ");
  const message = `${what}, and accepts no connections to published ports of networks ${networks}`;
  return { level: "note", message, cure: insertion(examined, ["ct status dnat"]) };
}

/** A link through which the host routes for containers, and what becomes of its packets. Of two families, the worse counts. */
interface Way {
  readonly network: string;
  readonly link: string;
  readonly hasPorts: boolean;
  /** A container's first packets. */
  readonly out: Fate;
  /** The answers to them. */
  readonly back: Fate;
  /** Connections to published ports. */
  readonly published: Fate;
}

function waysOf(host: Rtnetlink, examined: ExaminedChain, needs: Needs): readonly Way[] {
  const families = examined.families.filter((each) => needs.families.length === 0 || needs.families.includes(each));
  if (families.length === 0) return [];
  const worst = (fateOf: (family: Family) => Fate): Fate => {
    const fates = families.map(fateOf);
    return FATES.findLast((fate) => fates.includes(fate)) ?? "accepted";
  };
  return routedLinks(needs).map((name) => {
    const link = linkOf(host, name);
    return {
      network: needs.name,
      link: name,
      hasPorts: needs.hasPorts,
      out: worst((family) => fateOutside(host, examined, { family, from: link, state: CT_STATE.NEW, status: 0 })),
      back: worst((family) =>
        fateOutside(host, examined, { family, to: link, state: CT_STATE.ESTABLISHED, status: 0 }),
      ),
      published: worst((family) => {
        const from = listUplinks(host, family)[0];
        return examined.rules.fateOf({ family, from, to: link, state: CT_STATE.NEW, status: IPS.DST_NAT });
      }),
    };
  });
}

/** Best first. */
const FATES = ["accepted", "maybe", "dropped"] as const satisfies readonly Fate[];

/** Rules may accept what comes from a link, or goes to it, by the uplink alone. */
function fateOutside(host: Rtnetlink, { rules }: ExaminedChain, packet: ForwardedPacket): Fate {
  const uplink = listUplinks(host, packet.family)[0];
  const fates = [
    rules.fateOf(packet),
    ...(uplink === undefined ? [] : [rules.fateOf({ from: uplink, to: uplink, ...packet })]),
  ];
  return FATES.find((fate) => fates.includes(fate)) ?? "dropped";
}

function linkOf(host: Rtnetlink, name: string): PacketLink {
  return { name, index: name.endsWith("*") ? undefined : findLink(host, name)?.index };
}

/** A name with "*" for the shell. */
function quote(name: string): string {
  return name.endsWith("*") ? `'"${name}"'` : name;
}
