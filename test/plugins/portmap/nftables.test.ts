import { expect, test } from "vitest";
import { probeRedirects } from "../../../plugins/portmap/nftables.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { fakeNetlink } from "../../netfilter/kernel.ts";

/** NFNL_MSG_BATCH_END, without which a transaction is not applied. */
const BATCH_END = 0x11;

test("probeRedirects() has the kernel look at the table's rules, and apply none", () => {
  const sent: NetlinkRequest[] = [];
  probeRedirects(fakeNetlink({ request: () => [], transact: (requests) => sent.push(...requests) }), 0x2000);

  const actions = sent.map(({ action }) => action);
  expect(actions).toContain(
    'add rule "fib daddr type local goto ports" to nftables chain prerouting of table cni_portmap',
  );
  expect(actions).toContain(
    'add rule "meta mark & 0x2000 != 0 masquerade" to nftables chain masquerade_0x2000 of table cni_portmap',
  );
  expect(sent.filter(({ type }) => type === BATCH_END)).toEqual([]);
});

test("probeRedirects() throws what the kernel has not got, by name", () => {
  const refusal = new NetlinkError("add rule", { errno: ERRNO.ENOENT });
  const netlink = fakeNetlink({
    request: () => [],
    transact: () => {
      throw refusal;
    },
  });
  expect(() => probeRedirects(netlink, 0x2000)).toThrow(refusal);
});
