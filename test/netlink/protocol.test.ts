import { expect, test } from "vitest";
import { listTables } from "../../src/netfilter/nftables/table.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { fakeNetlink } from "../netfilter/kernel.ts";

test("a socket of one protocol does not compile where the other is needed", () => {
  // @ts-expect-error: NETLINK_NETFILTER has no links.
  expect(() => findLink(fakeNetlink({}), "eth0")).toThrow();
  // @ts-expect-error: NETLINK_ROUTE has no tables.
  expect(() => listTables(new FakeKernel().openRoute())).toThrow();
});
