import { CniError } from "../cni/error.ts";
import type { Request } from "../cni/request.ts";
import { findRestore, type Invocation, IptablesError, invocationFor } from "../netfilter/iptables/tool.ts";
import { listTables, type TableKey } from "../netfilter/nftables/table.ts";
import type { Attachment } from "../netfilter/owner.ts";
import { OWN_TABLES } from "../netfilter/tables.ts";
import { translatesAddresses } from "../netfilter/translation.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { ERRNO } from "../platform/errno.ts";
import { handling, ignoring, translating } from "../platform/outcome.ts";
import type { Host } from "./host.ts";

/** The means to make rules on this host. */
export interface Netfilter {
  /** A socket of NETLINK_NETFILTER; undefined if the kernel has no nf_tables. */
  readonly netlink: Nfnetlink | undefined;
  /** Whether nf_tables had the table when this was opened. */
  readonly hasTable: (table: TableKey) => boolean;
  /** The environment and time limit for iptables commands. */
  readonly invocation: Invocation;
}

/** The means to make rules, and the kind of rules that are made. */
export type Backend =
  | (Netfilter & { readonly kind: "nftables"; readonly netlink: Nfnetlink })
  | (Netfilter & { readonly kind: "iptables" });

/** Errors of a kernel without nf_tables or without netfilter's netlink. */
export const NO_NFTABLES: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EOPNOTSUPP, ERRNO.EINVAL];

/** The parts of a request that name the owner of the rules. */
type NetfilterRequest = Pick<Request, "environment" | keyof Attachment>;

/** Opens the netfilter socket, if the kernel has nf_tables. @throws NetlinkError EPERM without CAP_NET_ADMIN */
export function openNetfilter(host: Host, request: NetfilterRequest): Netfilter {
  return {
    ...openNftables(host),
    invocation: invocationFor(
      { environment: request.environment, launch: host.launch, restores: host.restores },
      request,
    ),
  };
}

/**
 * The backend that translates addresses, for the value `asked` of the key `field`. Without a value it is nftables if the kernel's can do
 * that, otherwise iptables. `need` names the feature that needs a backend, for the error. @throws CniError unsupportedField if the host lacks
 * the backend
 */
export function openBackend(
  host: Host,
  request: NetfilterRequest,
  { field, asked, need }: { field: string; asked: string | undefined; need: string },
): Backend {
  const netfilter = openNetfilter(host, request);
  if (asked === "iptables") return requireIptables(netfilter, `${field} "iptables"`);
  const found = findTranslator(netfilter);
  if (typeof found !== "string") return { ...netfilter, kind: "nftables", netlink: found };
  if (asked === "nftables") refuse(`${field} "nftables"`, found);
  return requireIptables(netfilter, need, `${found}, and `);
}

function requireIptables(netfilter: Netfilter, needing: string, why = ""): Backend {
  const find = () => findRestore(4, netfilter.invocation.environment);
  handling([IptablesError], find, ({ message }) => refuse(needing, `${why}${message}`));
  return { ...netfilter, kind: "iptables" };
}

/** The socket of nf_tables that can translate addresses, or why none can. Where a table of ours does, the kernel is not asked. */
function findTranslator({ netlink, hasTable }: Netfilter): Nfnetlink | string {
  if (netlink === undefined) return "the kernel has no nf_tables";
  if (hasTable(OWN_TABLES.masquerade) || hasTable(OWN_TABLES.ports) || translatesAddresses(netlink)) return netlink;
  return "nf_tables of the kernel cannot translate addresses: that needs Linux 5.2 and its module nft_chain_nat";
}

/** Runs iptables commands and turns an IptablesError into a CniError. @throws CniError tryAgainLater, kernelRequest */
export function withIptables<T>(action: string, run: () => T): T {
  return translating([IptablesError], run, (cause) => {
    const name = cause.failure === "busy" ? "tryAgainLater" : "kernelRequest";
    return new CniError(name, `Cannot ${action}: ${cause.message}`, { cause });
  });
}

/** One request tells whether the kernel has nf_tables, and which tables. */
function openNftables(host: Host): Pick<Netfilter, "netlink" | "hasTable"> {
  const found = ignoring(NO_NFTABLES, () => {
    const netlink = host.openNetfilter();
    return { netlink, tables: listTables(netlink) };
  });
  return {
    netlink: found?.netlink,
    hasTable: ({ family, table }) =>
      found?.tables.some((each) => each.family === family && each.name === table) ?? false,
  };
}

function refuse(field: string, reason: string): never {
  throw new CniError("unsupportedField", `Cannot use ${field}: ${reason}`);
}
