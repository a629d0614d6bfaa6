import type { Family } from "../../ip/address.ts";
import { findForwardRefusal } from "../../netfilter/forward-refusal.ts";
import { countLegacyRules } from "../../netfilter/iptables/legacy-filter.ts";
import { readLegacyTable } from "../../netfilter/iptables/legacy-table.ts";
import { findRestore, IptablesError } from "../../netfilter/iptables/tool.ts";
import { findChain } from "../../netfilter/nftables/chain.ts";
import { listRules } from "../../netfilter/nftables/rule.ts";
import { IPTABLES_FILTER, IPTABLES_NAT } from "../../netfilter/tables.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { findFirewalld, knowsZone } from "../../steps/firewalld.ts";
import { examineChains, judgeChain } from "./dropping-chains.ts";
import { type Check, type Examination, openRules, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { isRouted, type Needs, needsOf } from "./needs.ts";

const FAMILIES = [4, 6] as const;

/** The built-in chains of the tables of iptables that are looked at. */
const BUILTIN = { filter: ["INPUT", "FORWARD", "OUTPUT"], nat: ["PREROUTING", "POSTROUTING", "OUTPUT"] } as const;

/** Whether a firewall of the host drops what containers send or get. */
export const forwardCheck: Check = {
  name: "forward",
  run: (examination) => {
    const needs = examination.networks.map(needsOf).filter(isRouted);
    if (needs.length === 0) return [];
    return [
      ...orCannotTell("iptables", () => judgeIptables(examination, needs)),
      ...orCannotTell("nftables", () => judgeChains(examination, needs)),
    ];
  },
};

/** Which of the host's firewalls there are, and whether they fit. */
export const firewallCheck: Check = {
  name: "firewall",
  run: (examination) => [
    ...orCannotTell("iptables", () => judgeVariants(examination)),
    ...orCannotTell("iptables", () => judgeCommands(examination)),
    ...orCannotTell("firewalld", () => judgeFirewalld(examination)),
  ],
};

/** FORWARD of iptables. `firewall` adds rules that accept, so networks with it are served. */
function judgeIptables(examination: Examination, needs: readonly Needs[]): readonly Found[] {
  const netlink = openRules(examination);
  const variants = ["nft", "legacy"] as const;
  return FAMILIES.flatMap((family) => {
    const users = needs.filter(({ families }) => families.length === 0 || families.includes(family));
    if (users.length === 0) return [];
    return variants.flatMap((variant) => {
      const refusal = findForwardRefusal(netlink, { family, variant });
      if (refusal === undefined) return [];
      const subject = `${family === 4 ? "iptables" : "ip6tables"}-${variant}`;
      return users.map((each) => describeRefusal(each, { subject, refusal }));
    });
  });
}

function describeRefusal(
  { name, bridges, hasFirewall }: Needs,
  { subject, refusal }: { subject: string; refusal: string },
): Found {
  if (hasFirewall)
    return { level: "ok", subject, message: `${refusal}; "firewall" lets containers of network ${name} through` };
  const bridge = bridges.find((each) => each.isRouted)?.bridge ?? "veth+";
  const message = `${refusal}: containers of network ${name} are cut off unless rules there accept their packets`;
  const tool = subject.split("-")[0];
  const accept = `${tool} -I FORWARD -i ${bridge} -j ACCEPT; ${tool} -I FORWARD -o ${bridge} -j ACCEPT`;
  return { level: "warning", subject, message, cure: `add { "type": "firewall" } to the list, or: ${accept}` };
}

/** Chains of nf_tables. An accept in another table does not help, so `firewall` cannot. */
function judgeChains(examination: Examination, needs: readonly Needs[]): readonly Found[] {
  const netlink = openRules(examination);
  if (netlink === undefined) return [];
  return examineChains(netlink).flatMap((chain) => judgeChain(examination.host.netlink, chain, needs));
}

/** iptables-legacy and iptables-nft with rules at once: each tool shows only its own. */
function judgeVariants(examination: Examination): readonly Found[] {
  const netlink = openRules(examination);
  return FAMILIES.flatMap((family): readonly Found[] => {
    const legacy = countLegacy(family);
    const nft = netlink === undefined ? 0 : countNft(netlink, family);
    const subject = family === 4 ? "iptables" : "ip6tables";
    if (legacy === 0 || nft === 0) {
      const message = `rules of ${subject}-legacy: ${legacy}, in built-in chains of ${subject}-nft: ${nft}`;
      return [{ level: "ok", subject, message }];
    }
    const message = `${subject}-legacy has ${legacy} rules and ${subject}-nft ${nft}: packets pass both, a drop of either is final, and each tool shows its own rules alone`;
    const cure = `keep one of them: ${subject}-legacy-save and ${subject}-nft-save show their rules`;
    return [{ level: "warning", subject, message, cure }];
  });
}

function countLegacy(family: Family): number {
  const counts = (["filter", "nat"] as const).map((name) => {
    const table = readLegacyTable(family, name);
    return table === undefined ? 0 : countLegacyRules(family, table);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The rules of the built-in chains; rules elsewhere have no effect without one there. */
function countNft(netlink: Nfnetlink, family: Family): number {
  const chains = [
    ...BUILTIN.filter.map((name) => ({ ...IPTABLES_FILTER[family], name })),
    ...BUILTIN.nat.map((name) => ({ ...IPTABLES_NAT[family], name })),
  ].filter((chain) => findChain(netlink, chain)?.hook !== undefined);
  return chains.reduce((sum, chain) => sum + listRules(netlink, chain).length, 0);
}

/** Whether the commands are there that a list asks for. */
function judgeCommands({ networks, edge }: Examination): readonly Found[] {
  const names = networks.map(needsOf).filter(({ wantsIptables }) => wantsIptables);
  return names.flatMap(({ name, families }) =>
    (families.length === 0 ? FAMILIES : families).flatMap((family): readonly Found[] => {
      const subject = family === 4 ? "iptables" : "ip6tables";
      try {
        const file = findRestore(family, edge.environment);
        return [{ level: "ok", subject, message: `${file}, for network ${name}` }];
      } catch (error) {
        if (!(error instanceof IptablesError)) throw error;
        const message = `network ${name} asks for iptables: ${error.message}`;
        return [{ level: "error", subject, message, cure: "install the package iptables" }];
      }
    }),
  );
}

/** Whether firewalld runs, and knows the zone for containers of lists with `firewall`. */
function judgeFirewalld({ networks, edge }: Examination): readonly Found[] {
  const subject = "firewalld";
  let unasked = "";
  const firewalld = findFirewalld(edge.environment, (line) => {
    unasked = line;
  });
  if (unasked !== "") return [{ level: "warning", subject, message: `cannot tell: ${unasked}` }];
  if (firewalld === undefined) return [{ level: "ok", subject, message: "it does not run" }];
  try {
    return networks.map(needsOf).flatMap(({ name, hasFirewall, zone, bridges, ptps }): readonly Found[] => {
      if (bridges.length + ptps.length === 0) return [];
      if (!hasFirewall) {
        const message = `it runs, and network ${name} has no "firewall": containers are in the zone of no link, which may drop their packets`;
        return [{ level: "warning", subject, message, cure: `add { "type": "firewall" } to the list` }];
      }
      if (knowsZone(firewalld, zone)) {
        return [{ level: "ok", subject, message: `it runs, and has zone ${zone} for network ${name}` }];
      }
      const message = `it has no zone "${zone}", which network ${name} asks for`;
      return [
        {
          level: "error",
          subject,
          message,
          cure: `firewall-cmd --permanent --new-zone=${zone} && firewall-cmd --reload`,
        },
      ];
    });
  } finally {
    firewalld.bus.close();
  }
}
