import { type Address, encodeAddress } from "../../src/ip/address.ts";
import type { ChainKey } from "../../src/netfilter/nftables/chain.ts";
import { applyCurrent } from "../../src/netfilter/nftables/current.ts";
import { deleteRule, listRulesIfThere, type Rule } from "../../src/netfilter/nftables/rule.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { isSameBytes } from "../../src/platform/bytes.ts";
import { formatRedirect, type PublishedPort, readReferenceRule } from "./published.ts";
import type { Redirect } from "./redirect.ts";
import { REFERENCE_TABLES } from "./tables.ts";

/** The chains in which the reference plugin's nftables backend keeps a rule for each mapping, and the rules that masquerade. */
const CHAINS: readonly ChainKey[] = REFERENCE_TABLES.flatMap((table) =>
  ["hostports", "hostip_hostports", "masquerading"].map((name) => ({ ...table, name })),
);

/**
 * Deletes the rules of the reference plugin's nftables backend for a container. They name the container, not the network: if the
 * attachment's addresses are known, only rules with one of them are deleted. Nothing to delete is success.
 * @throws NetlinkError
 */
export function deleteReferenceRedirects(netlink: Nfnetlink, owner: Attachment, addresses: readonly Address[]): void {
  const action = `delete the reference plugin's port mappings of container ${owner.containerId}`;
  applyCurrent(netlink, { action }, () => listReferenceRedirects(netlink, owner, addresses).map(deleteRule));
}

/** Whether the reference plugin's nftables backend has all of these mappings for a container. @throws NetlinkError */
export function hasReferenceRedirects(netlink: Nfnetlink, owner: Attachment, redirects: readonly Redirect[]): boolean {
  const addresses = redirects.map(({ to }) => to);
  const ports = listReferenceRedirects(netlink, owner, addresses).flatMap((rule) => readReferenceRule(rule) ?? []);
  return redirects.every((redirect) => ports.some((port) => isSamePort(port, formatRedirect(redirect))));
}

/** The rules of the reference plugin's nftables backend for a container. @throws NetlinkError */
function listReferenceRedirects(
  netlink: Nfnetlink,
  { containerId }: Attachment,
  addresses: readonly Address[],
): readonly Rule[] {
  const values = addresses.map(encodeAddress);
  return CHAINS.flatMap((chain) => listRulesIfThere(netlink, chain, [containerId])).filter(
    (rule) =>
      findComment("rule", rule.userdata) === containerId && (values.length === 0 || values.some((v) => holds(rule, v))),
  );
}

function isSamePort(port: PublishedPort, wanted: ReturnType<typeof formatRedirect>): boolean {
  return (
    port.protocol === wanted.protocol &&
    port.hostIp === wanted.hostIp &&
    port.hostPort === wanted.hostPort &&
    port.containerIp === wanted.containerIp &&
    port.containerPort === wanted.containerPort
  );
}

/** Whether a rule compares something with an address, or sets something to it. */
function holds({ expressions = [] }: Rule, address: Uint8Array): boolean {
  return expressions.some((each) => {
    if (each.name !== "cmp" && each.name !== "immediate") return false;
    const { value } = each.data.data ?? {};
    return value !== undefined && isSameBytes(value, address);
  });
}
