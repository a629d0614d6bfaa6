import { expect, test } from "vitest";
import { connectionType, IPCTNL_MSG } from "../../../src/netlink/conntrack/header.ts";
import { listConnections } from "../../../src/netlink/conntrack/list.ts";
import { decodeConnection } from "../../../src/netlink/conntrack/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { captured, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const { CT_GET, CT_NEW } = IPCTNL_MSG;
const UDP = 17;

test("listConnections() has the kernel pick out those of a protocol to a port", () => {
  const netlink = new FakeNetlink(() => captured("../conntrack/list-port", "received", connectionType(CT_NEW)));
  const found = listConnections(netlink, { family: 4, protocol: UDP, destinationPort: 5353 });

  expect(found.map(({ original }) => original.sourcePort)).toEqual([40000]);
  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags, action }).toEqual({
    type: connectionType(CT_GET),
    flags: NLM_F.DUMP,
    action: "list the tracked connections of protocol 17 to port 5353",
  });
  // The kernel has answered it with this connection alone of several.
  expect(payload).toEqual(lastOf("../conntrack/list-port", "sent", connectionType(CT_GET)).payload);
});

test.each([
  ["another port", { protocol: UDP, destinationPort: 53 }],
  ["another protocol", { protocol: 6, destinationPort: 5353 }],
  ["another protocol, whatever the port", { protocol: 132 }],
])("listConnections() leaves out one to %s, which a kernel without filters sends as well", (_, filter) => {
  const netlink = new FakeNetlink(() => captured("../conntrack/list", "received", connectionType(CT_NEW)));

  expect(listConnections(netlink, { family: 6, ...filter })).toEqual([]);
});

test("listConnections() has those of a protocol whatever their port", () => {
  const netlink = new FakeNetlink(() => captured("../conntrack/list", "received", connectionType(CT_NEW)));

  expect(listConnections(netlink, { family: 6, protocol: UDP })).toHaveLength(1);
  expect(netlink.onlyRequest.action).toBe("list the tracked connections of protocol 17");
  const { original, filter } = decodeConnection(netlink.onlyRequest.payload).attributes;
  expect([original, filter]).toEqual([{ proto: { protocol: UDP } }, { original: 8, reply: 0 }]);
});
