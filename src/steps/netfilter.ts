import { CniError } from "../cni/error.ts";
import type { Request } from "../cni/request.ts";
import { ignoring } from "../linux/ignoring.ts";
import { findRestore, IptablesError, type Place, placeFor } from "../netfilter/iptables/tool.ts";
import { supportsNftables } from "../netfilter/nftables/support.ts";
import type { Attachment } from "../netfilter/owner.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { ERRNO } from "../platform/errno.ts";
import type { Host } from "./host.ts";

/** What rules can be made with on this host. */
export interface Netfilter {
  /** A socket of NETLINK_NETFILTER; undefined where the kernel has no nf_tables. */
  readonly netlink: Nfnetlink | undefined;
  /** Where the commands of iptables run, and how long they may wait. */
  readonly place: Place;
}

/** The same, and which part of it new rules go to. */
export type Backend =
  | (Netfilter & { readonly kind: "nftables"; readonly netlink: Nfnetlink })
  | (Netfilter & { readonly kind: "iptables" });

/** What a kernel says to whoever asks for nf_tables where it has not got them, or none of netfilter's netlink. */
export const NO_NFTABLES: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EOPNOTSUPP, ERRNO.EINVAL];

/** What is known of whom rules are for. */
type NetfilterRequest = Pick<Request, "environment" | keyof Attachment>;

/** Opens what there is. @throws NetlinkError EPERM without CAP_NET_ADMIN */
export function openNetfilter(host: Host, request: NetfilterRequest): Netfilter {
  return {
    netlink: openNftables(host),
    place: placeFor({ environment: request.environment, launch: host.launch }, request),
  };
}

/**
 * The backend that a configuration asks for with the value `asked` of its key `field`, and where it does not, nftables where
 * the kernel has that, else iptables; `need` is then what needs one, in words. @throws CniError unsupportedField when the host lacks it
 */
export function openBackend(
  host: Host,
  request: NetfilterRequest,
  { field, asked, need }: { field: string; asked: string | undefined; need: string },
): Backend {
  const { netlink, place } = openNetfilter(host, request);
  if (asked !== "iptables" && netlink !== undefined) return { kind: "nftables", netlink, place };
  if (asked === "nftables") refuse(`${field} "nftables"`, "the kernel has no nf_tables");
  const instead = asked === "iptables" ? `${field} "iptables"` : need;
  const why = asked === "iptables" ? "" : "the kernel has no nf_tables, and ";
  try {
    findRestore(4, place.environment);
  } catch (error) {
    if (error instanceof IptablesError) refuse(instead, `${why}${error.message}`);
    throw error;
  }
  return { kind: "iptables", netlink, place };
}

/** Runs what runs commands of iptables; what they refuse leaves as a CniError. @throws CniError tryAgainLater, kernelRequest */
export function withIptables<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    const name = error.failure === "busy" ? "tryAgainLater" : "kernelRequest";
    throw new CniError(name, `Cannot ${action}: ${error.message}`, { cause: error });
  }
}

function openNftables(host: Host): Nfnetlink | undefined {
  return ignoring(NO_NFTABLES, () => {
    const netlink = host.openNetfilter();
    return supportsNftables(netlink) ? netlink : undefined;
  });
}

function refuse(field: string, reason: string): never {
  throw new CniError("unsupportedField", `Cannot use ${field}: ${reason}`);
}
