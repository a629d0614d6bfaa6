import type { Family } from "../../ip/address.ts";
import { nameOf, setting } from "../../linux/sysctl-name.ts";
import { findForwardRefusal } from "../../netfilter/forward-refusal.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { type ExaminedChain, examineChains, fateBetween, insertion } from "./dropping-chains.ts";
import { type Examination, openRules } from "./examination.ts";
import type { Found } from "./finding.ts";
import type { Needs } from "./needs.ts";

/** br_netfilter sends packets between containers of one bridge through FORWARD and the chains of nftables. */
export function judgeBridgedPackets(examination: Examination, needs: readonly Needs[]): readonly Found[] {
  return ([4, 6] as const).flatMap((family): readonly Found[] => {
    const isUser = ({ bridges, families }: Needs) =>
      bridges.length > 0 && (families.length === 0 || families.includes(family));
    const users = needs.filter(isUser);
    const path = `net/bridge/bridge-nf-call-${family === 4 ? "iptables" : "ip6tables"}`;
    if (users.length === 0 || examination.host.sysctls.find(path) !== "1") return [];
    const netlink = openRules(examination);
    const found = [
      ...judgeForward(netlink, { family, path, users }),
      ...(netlink === undefined ? [] : examineChains(netlink))
        .filter(({ families }) => families.includes(family))
        .flatMap((chain) => judgeChain(examination, chain, { family, path, users })),
    ];
    if (found.length > 0) return found;
    return [{ level: "ok", subject: nameOf(path), message: "1, and FORWARD lets containers of one bridge through" }];
  });
}

interface Bridged {
  readonly family: Family;
  readonly path: string;
  readonly users: readonly Needs[];
}

/** FORWARD of iptables, in which `firewall` adds rules that accept. */
function judgeForward(netlink: Nfnetlink | undefined, { family, path, users }: Bridged): readonly Found[] {
  const cutOff = users.filter(({ hasFirewall }) => !hasFirewall).map(({ name }) => name);
  const refusal =
    findForwardRefusal(netlink, { family, variant: "nft" }) ??
    findForwardRefusal(netlink, { family, variant: "legacy" });
  if (refusal === undefined || cutOff.length === 0) return [];
  const message = `1, and ${refusal}: it drops packets between containers of one bridge, too, of networks ${cutOff.join(", ")}`;
  const cure = `add { "type": "firewall" } to the list, or: ${setting(path, "0")}`;
  return [{ level: "warning", subject: nameOf(path), message, cure }];
}

/** A chain of nftables, in which only its own rules can accept. */
function judgeChain({ host }: Examination, chain: ExaminedChain, { family, path, users }: Bridged): readonly Found[] {
  const ways = users.flatMap(({ name, bridges }) =>
    bridges.map(({ bridge }) => ({ name, bridge, fate: fateBetween(host.netlink, chain, { bridge, family }) })),
  );
  const cutOff = ways.filter(({ fate }) => fate !== "accepted");
  if (cutOff.length === 0) return [];
  const isCertain = cutOff.some(({ fate }) => fate === "dropped");
  const names = [...new Set(cutOff.map(({ name }) => name))].join(", ");
  const what = `chain ${chain.chain.name} of nftables table ${chain.chain.table} ${chain.how}`;
  const consequence = isCertain ? "it drops packets" : "unless its own rules accept them, it drops packets";
  const message = `1, and ${what}: ${consequence} between containers of one bridge, too, of networks ${names}`;
  const rules = [...new Set(cutOff.map(({ bridge }) => `iifname ${bridge} oifname ${bridge}`))];
  const cure = `${insertion(chain, rules)}, or: ${setting(path, "0")}`;
  return [{ level: isCertain ? "error" : "warning", subject: nameOf(path), message, cure }];
}
