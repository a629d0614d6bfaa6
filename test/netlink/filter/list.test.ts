import { expect, test } from "vitest";
import { listIngressFilters } from "../../../src/netlink/filter/list.ts";
import { decodeFilter } from "../../../src/netlink/filter/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("listIngressFilters() asks for those of one link, as `tc filter show dev` does", () => {
  const netlink = new FakeNetlink(() => captured("list-filters", "received", RTM.NEWTFILTER));
  const sent = decodeFilter(lastOf("list-filters", "sent", RTM.GETTFILTER).payload);

  const filters = listIngressFilters(netlink, { index: 2, name: "veth0" });

  expect(filters.map(({ redirect }) => redirect)).toContain(3);
  const action = 'list the filters of link "veth0"';
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETTFILTER, flags: NLM_F.DUMP, action });
  expect(decodeFilter(netlink.onlyRequest.payload).header).toEqual(sent.header);
});
