import { decodeAddress, formatAddress } from "../../src/ip/address.ts";
import { findInLegacy } from "../../src/netfilter/iptables/legacy-table.ts";
import { hasNftRules } from "../../src/netfilter/iptables/nft-table.ts";
import { parseJump } from "../../src/netfilter/iptables/text.ts";
import { type Invocation, listTable } from "../../src/netfilter/iptables/tool.ts";
import { listElements } from "../../src/netfilter/nftables/element.ts";
import type { Expression } from "../../src/netfilter/nftables/expression.ts";
import { IPPROTO } from "../../src/netfilter/nftables/match.ts";
import { listRulesIfThere, type Rule } from "../../src/netfilter/nftables/rule.ts";
import type { TableKey } from "../../src/netfilter/nftables/table.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import { type Attachment, parseOwnerComment } from "../../src/netfilter/owner.ts";
import { u16be } from "../../src/netlink/codec.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { parseEntryComment, SHARED_CHAIN } from "./iptables-chains.ts";
import { parseRedirects } from "./iptables-redirects.ts";
import { decodeRedirect, MAPS } from "./nftables-maps.ts";
import type { Redirect } from "./redirect.ts";
import { REFERENCE_TABLES } from "./tables.ts";

// What cnictl shows of the host's port mappings. It takes no lock and changes nothing.

/** A port mapping in the kernel. */
export interface PublishedPort {
  readonly protocol: string;
  /** "" for all addresses of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
  /** The rules or elements that it consists of. */
  readonly backend: "nftables" | "iptables";
  /** Whether this project's plugin made it; undefined if that cannot be told. */
  readonly isOurs: boolean | undefined;
  /** As far as the rules name the owner. */
  readonly owner: Partial<Attachment>;
  /** The owner's comment as it is, which may be cut. */
  readonly comment: string;
}

/** The mappings of this project's plugin in nf_tables. @throws NetlinkError */
export function listOwnPorts(netlink: Nfnetlink): readonly PublishedPort[] {
  return MAPS.flatMap((maps) =>
    listElements(netlink, maps.targets).map((element) => {
      const { comment, ...redirect } = decodeRedirect(maps, element);
      const owner = parseOwnerComment(comment) ?? {};
      return { ...formatRedirect(redirect), backend: "nftables" as const, isOurs: true, owner, comment };
    }),
  );
}

/** The mappings of the Go plugin's nftables backend in its tables, whose rules name the container alone. @throws NetlinkError */
export function listReferencePorts(
  netlink: Nfnetlink,
  tables: readonly TableKey[] = REFERENCE_TABLES,
): readonly PublishedPort[] {
  const chains = tables.flatMap((table) => ["hostports", "hostip_hostports"].map((name) => ({ ...table, name })));
  return chains.flatMap((chain) => listRulesIfThere(netlink, chain)).flatMap((rule) => readReferenceRule(rule) ?? []);
}

/**
 * The mappings in the tables of iptables-nft, of this project's plugin and of Go's. A command is started only if there are any.
 * @throws NetlinkError, IptablesError
 */
export function listIptablesPorts(netlink: Nfnetlink, invocation: Invocation): readonly PublishedPort[] {
  return FAMILIES.filter((family) => hasNftRules(netlink, family, SHARED_CHAIN)).flatMap((family) =>
    readListing(listTable(family, invocation, { variant: "nft" })),
  );
}

/** The published ports in the tables of iptables-legacy. @throws LinuxError, IptablesError */
export function listLegacyPorts({ environment, ...invocation }: Invocation): readonly PublishedPort[] {
  // The kernel hands out a table as a whole, so a reader needs no lock. With the usual one an ADD would have to wait.
  const unlocked = { ...invocation, environment: { ...environment, XTABLES_LOCKFILE: "/dev/null" } };
  return FAMILIES.filter((family) => findInLegacy(family, "nat", [SHARED_CHAIN]).length > 0).flatMap((family) =>
    readListing(listTable(family, unlocked, { variant: "legacy" })),
  );
}

const FAMILIES = [4, 6] as const;

/** Reads what `iptables -t nat -S` prints. */
function readListing(listing: string): readonly PublishedPort[] {
  const jumps = new Map(
    listing.split("\n").flatMap((line) => {
      const jump = parseJump(line, SHARED_CHAIN);
      return jump === undefined ? [] : [[jump.chain, jump.comment] as const];
    }),
  );
  return parseRedirects(listing).flatMap(({ chain, ifname, redirect }) => {
    const comment = jumps.get(chain);
    if (comment === undefined) return [];
    const owner = { ...parseEntryComment(comment), ...(ifname !== undefined && { ifname }) };
    // Only this project's rules name the interface.
    const isOurs = ifname !== undefined;
    return [{ ...formatRedirect(redirect), backend: "iptables" as const, isOurs, owner, comment }];
  });
}

/** The text of a mapping, `8080->80/tcp` or `192.0.2.1:8080->80/tcp`. */
export function formatPort({ protocol, hostIp, hostPort, containerPort }: FormattedPort): string {
  const address = hostIp.includes(":") ? `[${hostIp}]` : hostIp;
  return `${address === "" ? "" : `${address}:`}${hostPort}->${containerPort}/${protocol}`;
}

type FormattedPort = Pick<PublishedPort, "protocol" | "hostIp" | "hostPort" | "containerPort">;

/** The parts of a mapping as a PublishedPort has them. */
export function formatRedirect({ protocol, hostIp, hostPort, to, toPort }: Redirect) {
  const at = hostIp === undefined ? "" : formatAddress(hostIp);
  return { protocol, hostIp: at, hostPort, containerIp: formatAddress(to), containerPort: toPort };
}

/** Reads a rule `[ip daddr ADDRESS] tcp dport PORT dnat to ADDRESS:PORT` of the Go plugin; undefined for any other rule. */
export function readReferenceRule({ expressions = [], userdata }: Rule): PublishedPort | undefined {
  const compared = expressions.flatMap((each) => bytesOf(each, "cmp"));
  const set = expressions.flatMap((each) => bytesOf(each, "immediate"));
  const [protocol, hostPort] = [compared.find(hasSize(1)), compared.find(hasSize(2))];
  const [to, toPort] = [set.find(isAddress), set.find(hasSize(2))];
  if (hostPort === undefined || to === undefined || toPort === undefined) return undefined;
  const hostIp = compared.find(isAddress);
  const containerId = findComment("rule", userdata) ?? "";
  return {
    protocol: PROTOCOL_NAMES.get(protocol?.[0] ?? 0) ?? "",
    hostIp: hostIp === undefined ? "" : formatAddress(decodeAddress(hostIp)),
    hostPort: u16be.decode(hostPort),
    containerIp: formatAddress(decodeAddress(to)),
    containerPort: u16be.decode(toPort),
    backend: "nftables",
    isOurs: false,
    owner: containerId === "" ? {} : { containerId },
    comment: containerId,
  };
}

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [IPPROTO.TCP, "tcp"],
  [IPPROTO.UDP, "udp"],
  [IPPROTO.SCTP, "sctp"],
]);

function bytesOf(expression: Expression, name: "cmp" | "immediate"): readonly Uint8Array[] {
  if (expression.name !== name) return [];
  const value = expression.data.data?.value;
  return value === undefined ? [] : [value];
}

function hasSize(size: number): (bytes: Uint8Array) => boolean {
  return ({ length }) => length === size;
}

function isAddress({ length }: Uint8Array): boolean {
  return length === 4 || length === 16;
}
