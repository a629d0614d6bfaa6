import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Family } from "../../src/ip/address.ts";
import { findForwardRefusal } from "../../src/netfilter/forward-refusal.ts";
import type { Iptables } from "../../src/netfilter/iptables/delete-jumps.ts";
import { findRestore, type Invocation, IptablesError, variantOf } from "../../src/netfilter/iptables/tool.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { handling } from "../../src/platform/outcome.ts";
import { type Firewalld, findFirewalld } from "../../src/steps/firewalld.ts";
import type { Host } from "../../src/steps/host.ts";
import { openNetfilter, withIptables } from "../../src/steps/netfilter.ts";
import type { FirewallConfig } from "./config.ts";
import { ALL_TABLES, type FilterTable } from "./iptables.ts";

/** The host's firewalls that need rules for a container. */
export interface Firewalls {
  /** A NETLINK_NETFILTER socket. If the kernel has nf_tables, our table has every container. */
  readonly netlink: Nfnetlink | undefined;
  readonly invocation: Invocation;
  /** The filter tables of iptables that need rules. */
  readonly tables: readonly FilterTable[];
  readonly firewalld: Firewalld | undefined;
  /** Why packets will still be dropped despite rules in the firewalls above, as text. */
  readonly refusals: readonly string[];
}

/**
 * Chooses the firewalls that need rules for addresses of these families. Without a configured backend: every firewall that drops unknown
 * traffic. That is firewalld if it runs, and iptables if its FORWARD chain drops, because an accept elsewhere does not override a drop.
 * @throws CniError unsupportedField if the host lacks what is asked for
 */
export function chooseFirewalls(
  host: Host,
  { request, config: { backend } }: { request: Request; config: Pick<FirewallConfig, "backend"> },
  families: readonly Family[],
): Firewalls {
  const { netlink, invocation } = openNetfilter(host, request);
  if (backend === "nftables" && netlink === undefined) refuse(backend, "the kernel has no nf_tables");
  const mayRun = backend === undefined || backend === "firewalld";
  const firewalld = mayRun ? findFirewalld(request.environment, request.log) : undefined;
  if (backend === "firewalld" && firewalld === undefined) {
    refuse(backend, 'it is not on the system\'s message bus: "systemctl start firewalld", or set backend to another');
  }
  const refusing = findRefusing({ netlink, invocation }, families);
  // As on a kernel without nf_tables: iptables is the only one left.
  const isLast = backend === undefined && netlink === undefined && firewalld === undefined;
  const asked = backend === "iptables" || isLast ? askedTables(invocation, families) : [];
  const tables = backend === undefined || backend === "iptables" ? unite(asked, [...refusing.keys()]) : [];
  return { netlink, invocation, tables, firewalld, refusals: tables.length > 0 ? [] : [...refusing.values()] };
}

function findRefusing(iptables: Iptables, families: readonly Family[]): ReadonlyMap<FilterTable, string> {
  const tables = ALL_TABLES.filter(({ family }) => families.includes(family));
  return new Map(
    tables.flatMap((table) => {
      const refusal = findForwardRefusal(iptables.netlink, table);
      return refusal === undefined ? [] : [[table, refusal] as const];
    }),
  );
}

/** The tables that the first commands found on the path change. */
function askedTables(invocation: Invocation, families: readonly Family[]): readonly FilterTable[] {
  const find = () => families.map((family) => findRestore(family, invocation.environment));
  handling([IptablesError], find, ({ message }) => refuse("iptables", message));
  return withIptables("find iptables", () =>
    families.map((family) => ({ family, variant: variantOf(family, invocation) })),
  );
}

function unite(some: readonly FilterTable[], more: readonly FilterTable[]): readonly FilterTable[] {
  const isNew = (one: FilterTable) =>
    !some.some(({ family, variant }) => family === one.family && variant === one.variant);
  return [...some, ...more.filter(isNew)];
}

function refuse(backend: string, reason: string): never {
  throw new CniError("unsupportedField", `Cannot use backend ${JSON.stringify(backend)}: ${reason}`);
}
