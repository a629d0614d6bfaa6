import { expect, test } from "vitest";
import { deleteConnection } from "../../../src/netlink/conntrack/delete.ts";
import { connectionType, IPCTNL_MSG } from "../../../src/netlink/conntrack/header.ts";
import { decodeConnection, readConnection } from "../../../src/netlink/conntrack/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const { CT_DELETE, CT_NEW } = IPCTNL_MSG;

test("deleteConnection() names the connection as `conntrack -D` does, and by its number", () => {
  const netlink = new FakeNetlink();
  const connection = readConnection(lastOf("../conntrack/delete", "received", connectionType(CT_NEW)));
  const sent = decodeConnection(lastOf("../conntrack/delete", "sent", connectionType(CT_DELETE)).payload);

  deleteConnection(netlink, connection);

  const { type, flags, payload, action } = netlink.onlyRequest;
  expect({ type, flags, action }).toEqual({
    type: connectionType(CT_DELETE),
    flags: NLM_F.ACK,
    action: "delete a tracked connection to port 5353",
  });
  const { family, attributes } = decodeConnection(payload);
  expect({ family, original: attributes.original }).toEqual({
    family: sent.family,
    original: sent.attributes.original,
  });
  expect(attributes.id).toBe(connection.message.attributes.id);
});
