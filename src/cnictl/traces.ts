import { formatPort } from "../../plugins/portmap/published.ts";
import { type Family, formatAddress } from "../ip/address.ts";
import { listJumps } from "../netfilter/iptables/list-jumps.ts";
import { parseRuleComment, RULE_COMMENT } from "../netfilter/iptables/name.ts";
import { IptablesError, invocationFor } from "../netfilter/iptables/tool.ts";
import { type Attachment, isOwnerComment, ownerKeyOf, parseOwnerComment } from "../netfilter/owner.ts";
import { LinuxError } from "../platform/errno.ts";
import { handling } from "../platform/outcome.ts";
import type { Edge } from "./edge.ts";
import type { KernelMarks } from "./inventory/marks.ts";
import { findNfnetlink } from "./nfnetlink.ts";

/** What attachments have on the host, of which the plugins' DEL and GC delete what is stale. */
export interface Traces {
  readonly all: readonly Trace[];
  /** The families of port mappings that this project's plugin made with iptables. */
  readonly mapped: ReadonlySet<Family>;
  /** What could not be listed, as messages. */
  readonly problems: readonly string[];
}

/** Things of one kind that one attachment has. */
interface Trace {
  /** The attachment, in words. */
  readonly owner: string;
  /** The thing, or the table of elements as nft names it. */
  readonly what: string;
  /** The number of elements; undefined if it is no table. */
  readonly elements?: number;
}

/** Lists what attachments have in nftables and iptables, and their links. It changes nothing. */
export function takeTraces(edge: Pick<Edge, "gatherMarks" | "environment" | "launch">): Traces {
  const { links, places, ports, problems } = edge.gatherMarks();
  const masquerade = listMasquerade(edge);
  const all = [
    ...elementsOf(places),
    ...links
      .filter(({ alias }) => isOwnerComment(alias))
      .map(({ alias, name }) => ({ owner: describeOwner(alias), what: `link ${name}` })),
    // Those of nftables are elements or rules that have been counted.
    ...ports
      .filter(({ backend }) => backend === "iptables")
      .map((port) => ({ owner: formatOwner(port.owner), what: `port ${formatPort(port)} of iptables` })),
    ...masquerade.all,
  ];
  const own = ports.filter(({ backend, isOurs }) => backend === "iptables" && isOurs === true);
  const mapped = new Set(own.map(({ containerIp }): Family => (containerIp.includes(":") ? 6 : 4)));
  return { all, mapped, problems: [...problems, ...masquerade.problems] };
}

/** What is there no longer, one line for each attachment. */
export function describeRemoved(before: Traces, after: Traces): readonly string[] {
  const left = new Map(after.all.map((trace) => [nameOf(trace), trace.elements ?? 1]));
  const gone = new Map<string, string[]>();
  for (const trace of before.all) {
    const { owner, what, elements } = trace;
    const count = (elements ?? 1) - (left.get(nameOf(trace)) ?? 0);
    if (count <= 0) continue;
    const text = elements === undefined ? what : `${count} ${count === 1 ? "element" : "elements"} of ${what}`;
    gone.set(owner, [...(gone.get(owner) ?? []), text]);
  }
  return Array.from(gone, ([owner, things]) => `${owner}: removed ${things.join(", ")}`);
}

/** The nftables tables in which attachments have elements, one line each. */
export function describeStaying({ all }: Traces): readonly string[] {
  const owners = new Map<string, Set<string>>();
  for (const { owner, what, elements } of all) {
    if (elements === undefined) continue;
    const users = owners.get(what) ?? new Set();
    owners.set(what, users.add(owner));
  }
  return Array.from(owners, ([table, { size }]) => {
    return `table ${table}: stays, ${size === 1 ? "1 attachment uses it" : `${size} attachments use it`}`;
  });
}

function nameOf({ owner, what }: Trace): string {
  return `${owner}\n${what}`;
}

function elementsOf(places: KernelMarks["places"]): readonly Trace[] {
  return places
    .filter(({ isReference }) => !isReference)
    .map(({ comment, table, count }) => ({ owner: describeOwner(comment), what: table, elements: count }));
}

/** The masquerade rules of iptables; they do not name the interface. */
function listMasquerade({
  environment,
  launch,
}: Pick<Edge, "environment" | "launch">): Pick<Traces, "all" | "problems"> {
  const iptables = { netlink: findNfnetlink(), invocation: invocationFor({ environment, launch }) };
  const list = () =>
    ([4, 6] as const).flatMap((family) =>
      listJumps(iptables, family, { from: "POSTROUTING", text: RULE_COMMENT }).flatMap(({ comment, source }) => {
        const owner = parseRuleComment(comment);
        if (owner === undefined || source === undefined) return [];
        return [{ owner: formatOwner(owner), what: `masquerade of ${formatAddress(source)} by iptables` }];
      }),
    );
  try {
    const found = () => ({ all: list(), problems: [] });
    return handling([LinuxError, IptablesError], found, ({ message }) => ({ all: [], problems: [message] }));
  } finally {
    iptables.netlink?.close();
  }
}

/** The owner in a comment, which may be cut. */
function describeOwner(comment: string): string {
  const owner = parseOwnerComment(comment);
  return owner === undefined ? `attachment ${ownerKeyOf(comment)}` : formatOwner(owner);
}

function formatOwner({ network, containerId, ifname }: Partial<Attachment>): string {
  const link = ifname === undefined ? "" : `${ifname} of `;
  return `${link}container ${containerId ?? "without a name"}${network === undefined ? "" : ` on network ${network}`}`;
}
