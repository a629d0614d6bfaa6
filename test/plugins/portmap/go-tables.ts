import { encodeAddress, type Family } from "../../../src/ip/address.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { NFT_CMP } from "../../../src/netfilter/nftables/expression/cmp.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { IPPROTO } from "../../../src/netfilter/nftables/match.ts";
import { addRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, MASQUERADE } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { u16be } from "../../../src/netlink/codec.ts";
import type { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address } from "../../netlink/text.ts";

/** A rule of the Go plugin's nftables backend: a mapping; without `to`, one that masquerades what the container sends to itself. */
export interface GoRule {
  readonly containerId?: string | undefined;
  readonly chain?: "hostports" | "hostip_hostports" | "masquerading";
  /** Default: TCP. Undefined for a rule that does not say. */
  readonly protocol?: number | undefined;
  readonly hostIp?: string;
  readonly hostPort?: number;
  /** Address and port of the container. */
  readonly to?: readonly [address: string | undefined, port?: number];
  readonly masquerades?: string;
  /** Whether it ends with a verdict. */
  readonly accepts?: boolean;
}

/** The Go plugin's table of a family, with these rules and no others. */
export function addGoTable(kernel: FakeKernel, family: Family, rules: readonly GoRule[]): void {
  const place = { family: family === 4 ? 2 : 10, table: "cni_hostport" };
  const changes = [
    addTable({ family: place.family, name: place.table, flags: 0 }),
    ...["hostports", "hostip_hostports", "masquerading"].map((name) => addChain({ ...place, name })),
    ...rules.map(({ chain = "hostports", containerId, ...rule }) => {
      const userdata = containerId === undefined ? {} : { userdata: commented("rule", containerId) };
      return addRule({ ...place, chain, label: "rule", expressions: expressionsOf(rule), ...userdata });
    }),
  ];
  applyTransaction(kernel.openNetfilter(), changes, { action: "arrange" });
}

function expressionsOf(rule: GoRule): readonly Expression[] {
  const { protocol, hostIp, hostPort, to, masquerades, accepts } = { protocol: IPPROTO.TCP, ...rule };
  if (masquerades !== undefined) {
    const bytes = encodeAddress(address(masquerades));
    return [compare(bytes), compare(bytes), MASQUERADE];
  }
  return [
    ...(hostIp === undefined ? [] : [compare(encodeAddress(address(hostIp)))]),
    ...(protocol === undefined ? [] : [compare(Uint8Array.of(protocol))]),
    ...(hostPort === undefined ? [] : [compare(u16be.encode(hostPort))]),
    ...(to?.[0] === undefined ? [] : [set(1, encodeAddress(address(to[0])))]),
    ...(to?.[1] === undefined ? [] : [set(2, u16be.encode(to[1]))]),
    ...(accepts === true ? [ACCEPT] : []),
  ];
}

function compare(value: Uint8Array): Expression {
  return { name: "cmp", data: { sreg: 1, operation: NFT_CMP.EQ, data: { value } } };
}

function set(dreg: number, value: Uint8Array): Expression {
  return { name: "immediate", data: { dreg, data: { value } } };
}
