import { expect, test } from "vitest";
import { deleteChain } from "../../../src/netfilter/nftables/chain.ts";
import { applyTransaction, changesOf, checkTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { captured } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const change = deleteChain({ family: 1, table: "t", name: "c" });
const NLM_F_ACK = 4;

function sentFor(changes: readonly NetlinkRequest[], generation?: number): readonly NetlinkRequest[] {
  const sent: NetlinkRequest[] = [];
  const netlink = fakeNetlink({ transact: (requests) => sent.push(...requests) });
  applyTransaction(netlink, changes, { action: "do it", ...(generation !== undefined && { generation }) });
  return sent;
}

test("applyTransaction frames the changes as the nft tool does, and asks for the last one's acknowledgement", () => {
  const sent = sentFor([change, change]);
  const begin = captured("apply", "sent", "BATCH_BEGIN")[0];
  const end = captured("apply", "sent", "BATCH_END")[0];
  expect(sent).toEqual([
    { type: begin?.type, flags: 0, payload: begin?.payload, action: "do it" },
    change,
    { ...change, flags: NLM_F_ACK },
    { type: end?.type, flags: 0, payload: end?.payload, action: "do it" },
  ]);
});

test("applyTransaction names the generation as iptables-nft does", () => {
  expect(sentFor([change], 22)[0]?.payload).toEqual(captured("generation", "sent", "BATCH_BEGIN")[0]?.payload);
});

test("checkTransaction sends the same without its end", () => {
  const sent: NetlinkRequest[] = [];
  const netlink = fakeNetlink({ transact: (requests) => sent.push(...requests) });
  checkTransaction(netlink, [change, change], { action: "do it" });
  expect(sent).toEqual(sentFor([change, change]).slice(0, -1));
});

test("changesOf finds the changes of a whole transaction, and none in anything else", () => {
  const sent = sentFor([change, change]);
  expect(changesOf(sent)).toEqual([change, change]);
  expect(changesOf(sentFor([]))).toEqual([]);
  const others = [[], [change], sent.slice(0, -1), sent.slice(1), sent.slice(0, 1)];
  expect(others.map(changesOf)).toEqual(others.map(() => undefined));
});
