import { findMissing, type Probe } from "../../netfilter/nftables/probe.ts";
import { hasKind, supportsVlanFiltering } from "../../netlink/link/support.ts";
import { supportsTokenBucket } from "../../netlink/qdisc/support.ts";
import { once } from "../../platform/once.ts";
import type { KernelModules } from "../kernel-modules.ts";
import { type Check, type Examination, openRules, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { type Needs, needsOf } from "./needs.ts";

/** A part of the kernel that networks need. */
interface Part {
  readonly moduleName: string;
  /** What it is for, in words. */
  readonly purpose: string;
  readonly kind: "link" | "rules" | "traffic" | "redirection";
  /** The kind of links, if it is not the name of the module. */
  readonly linkKind?: string;
  readonly isNeeded: (needs: Needs) => boolean;
}

const hasRules = (needs: Needs) =>
  translates(needs) || needs.hasFirewall || needs.bridges.some(({ checksSpoofs }) => checksSpoofs);

/** What the plugin of that name needs, which makes links of the kind of that name. */
function linkPart(kind: string): Part {
  const moduleName = kind === "vlan" ? "8021q" : kind;
  return { moduleName, linkKind: kind, purpose: `${kind} interfaces`, kind: "link", isNeeded: isOfType(kind) };
}

/** What sends the packets of a container's link to its ifb. */
function redirectionPart(moduleName: string): Part {
  const isNeeded = ({ limits }: Needs) => limits.includes("egress");
  return { moduleName, purpose: "egress limits", kind: "redirection", isNeeded };
}

function isOfType(type: string): (needs: Needs) => boolean {
  return ({ types }) => types.includes(type);
}

/** The parts of the kernel, and which networks need them. */
const PARTS: readonly Part[] = [
  { moduleName: "bridge", purpose: "bridges", kind: "link", isNeeded: ({ bridges }) => bridges.length > 0 },
  {
    moduleName: "veth",
    purpose: "veth pairs",
    kind: "link",
    isNeeded: ({ bridges, ptps }) => bridges.length + ptps.length > 0,
  },
  { moduleName: "ifb", purpose: "egress limits", kind: "link", isNeeded: ({ limits }) => limits.includes("egress") },
  ...["macvlan", "ipvlan", "vlan", "dummy", "vrf"].map(linkPart),
  { moduleName: "sch_tbf", purpose: "limits", kind: "traffic", isNeeded: ({ limits }) => limits.length > 0 },
  ...["sch_ingress", "cls_u32", "act_mirred"].map(redirectionPart),
  { moduleName: "nf_tables", purpose: "rules", kind: "rules", isNeeded: hasRules },
  { moduleName: "nft_chain_nat", purpose: "masquerade and port mappings", kind: "rules", isNeeded: translates },
  { moduleName: "nft_masq", purpose: "masquerade and port mappings", kind: "rules", isNeeded: translates },
  { moduleName: "nft_nat", purpose: "port mappings", kind: "rules", isNeeded: ({ hasPorts }) => hasPorts },
  { moduleName: "nft_fib_inet", purpose: "port mappings", kind: "rules", isNeeded: ({ hasPorts }) => hasPorts },
  { moduleName: "nft_ct", purpose: "firewall", kind: "rules", isNeeded: ({ hasFirewall }) => hasFirewall },
];

/** The part of nf_tables in each module. */
const PROBES: Readonly<Record<string, Probe>> = {
  nft_chain_nat: "nat chain",
  nft_masq: "masq",
  nft_nat: "nat",
  nft_fib_inet: "fib",
  nft_ct: "ct",
};

/** Whether the kernel has what the networks use. It asks without loading a module. */
export const kernelCheck: Check = {
  name: "kernel",
  run: (examination) => {
    const needs = examination.networks.map(needsOf);
    // A kernel without modules can be asked for these only by making them.
    const parts = PARTS.filter(({ kind }) => kind !== "redirection" || examination.modules.isModular);
    const wanted = parts.flatMap((part) => {
      const names = needs.filter(part.isNeeded).map(({ name }) => name);
      return names.length === 0 ? [] : [{ part, names }];
    });
    const lacking = once(() =>
      findLacking(
        examination,
        wanted.map(({ part }) => part),
      ),
    );
    return [
      ...wanted.flatMap((each) => orCannotTell(each.part.moduleName, () => judge(examination, { ...each, lacking }))),
      ...orCannotTell("bridge", () => judgeVlans(examination, needs)),
    ];
  },
};

function translates({ hasPorts, bridges, ptps }: Needs): boolean {
  return hasPorts || [...bridges, ...ptps].some(({ masquerades }) => masquerades);
}

function judge(
  examination: Examination,
  { part, names, lacking }: { part: Part; names: readonly string[]; lacking: () => readonly string[] },
): readonly Found[] {
  const { modules } = examination;
  const { moduleName } = part;
  const users = `${part.purpose} of ${listNames(names)}`;
  const ok = (message: string): readonly Found[] => [
    { level: "ok", subject: moduleName, message: `${message}: ${users}` },
  ];
  if (isThere(examination, part, lacking)) return ok("the kernel has it");
  if (modules.find(moduleName) === "loadable" && modules.obstacle === undefined) return ok("loaded when it is needed");
  const [message, cure] = describeLack(modules, moduleName);
  for (const name of names) examination.lacking.set(name, cure);
  return [{ level: "error", subject: moduleName, message: `${message}: ${users}`, cure }];
}

/** Whether the kernel has a part now. A kernel without modules can be asked for each; another one would load it. */
function isThere(
  { host, modules }: Examination,
  { kind, moduleName, linkKind = moduleName }: Part,
  lacking: () => readonly string[],
): boolean {
  if (kind === "link" && hasKind(host.netlink, linkKind)) return true;
  if (modules.isModular || kind === "link") return modules.find(moduleName) === "present";
  return kind === "traffic" ? supportsTokenBucket(host.netlink) : !lacking().includes(moduleName);
}

/** The modules of nf_tables that a kernel without loadable modules lacks. */
function findLacking(examination: Examination, parts: readonly Part[]): readonly string[] {
  const rules = parts.filter(({ kind }) => kind === "rules").map(({ moduleName }) => moduleName);
  const netlink = openRules(examination);
  if (netlink === undefined) return rules;
  const missing = findMissing(
    netlink,
    rules.flatMap((moduleName) => PROBES[moduleName] ?? []),
  );
  return rules.filter((moduleName) => missing.some((probe) => probe === PROBES[moduleName]));
}

function describeLack(
  { release, obstacle, isModular, find }: KernelModules,
  moduleName: string,
): readonly [message: string, cure: string] {
  if (!isModular) return ["the kernel lacks it", "use a kernel with it"];
  switch (find(moduleName)) {
    case "loadable":
      return [`the kernel does not load it, because ${obstacle}`, `modprobe ${moduleName}`];
    case "missing":
      return [
        `kernel ${release} has no such module`,
        "install the package with all modules of this kernel, such as linux-modules-extra or kernel-modules-extra",
      ];
    default:
      return [
        `it is not loaded, and the folder /lib/modules/${release} does not exist, as after an update of the kernel`,
        "reboot into the kernel that is installed",
      ];
  }
}

function judgeVlans({ host }: Examination, needs: readonly Needs[]): readonly Found[] {
  const names = needs.filter(({ bridges }) => bridges.some(({ usesVlans }) => usesVlans)).map(({ name }) => name);
  // Asking would load the module of bridges; without that, the module's own finding says enough.
  if (names.length === 0 || !hasKind(host.netlink, "bridge")) return [];
  const users = `VLANs of ${listNames(names)}`;
  if (supportsVlanFiltering(host.netlink))
    return [{ level: "ok", subject: "bridge", message: `bridges filter VLANs: ${users}` }];
  const message = `bridges of this kernel do not filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING): ${users}`;
  return [{ level: "error", subject: "bridge", message, cure: "use a kernel with it" }];
}

function listNames(names: readonly string[]): string {
  return `${names.length === 1 ? "network" : "networks"} ${names.join(", ")}`;
}
