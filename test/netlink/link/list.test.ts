import { expect, test } from "vitest";
import { listKind, listLinks, listPorts } from "../../../src/netlink/link/list.ts";
import { decodeLink } from "../../../src/netlink/link/message.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured, lastOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("listPorts() asks the kernel for the links of one master", () => {
  const netlink = new FakeNetlink(() => captured("list-ports", "received", RTM.NEWLINK));

  const ports = listPorts(netlink, { index: 2, name: "br0" });

  expect(ports.map(({ name, master }) => ({ name, master }))).toEqual([{ name: "veth0", master: 2 }]);
  const action = 'list the ports of "br0"';
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: NLM_F.DUMP, action });
  const { master } = decodeLink(lastOf("list-ports", "sent", RTM.GETLINK).payload).attributes;
  expect(decodeLink(netlink.onlyRequest.payload).attributes.master).toBe(master);
});

test("listPorts() leaves out what a kernel without filters sends as well", () => {
  const netlink = new FakeNetlink(() => [linkIn("get-peer", "eth0")]);

  expect(listPorts(netlink, { index: 2, name: "br0" })).toEqual([]);
});

test("listKind() asks the kernel for the links of one kind, and leaves out what a kernel without filters sends as well", () => {
  const netlink = new FakeNetlink(() => captured("list-ports", "received", RTM.NEWLINK));

  expect(listKind(netlink, "veth").map(({ name }) => name)).toEqual(["veth0"]);
  const action = 'list the links of kind "veth"';
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: NLM_F.DUMP, action });
  expect(decodeLink(netlink.onlyRequest.payload).attributes.info).toEqual({ kind: "veth" });
  expect(listKind(netlink, "bridge").map(({ name }) => name)).toEqual(["br0"]);
});

test("listKind() leaves out links that do not hold a text", () => {
  const netlink = new FakeNetlink(() => captured("list-ports", "received", RTM.NEWLINK));

  expect(listKind(netlink, "veth", ["veth0"]).map(({ name }) => name)).toEqual(["veth0"]);
  expect(listKind(netlink, "veth", ["veth1"])).toEqual([]);
});

test("listLinks() asks for all links, without statistics", () => {
  const netlink = new FakeNetlink(() => captured("list-ports", "received", RTM.NEWLINK));

  expect(listLinks(netlink).map(({ name }) => name)).toEqual(
    captured("list-ports", "received", RTM.NEWLINK).map(({ payload }) => decodeLink(payload).attributes.name),
  );
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: NLM_F.DUMP, action: "list the links" });
  expect(decodeLink(netlink.onlyRequest.payload).attributes).toEqual({ extensions: 8 });
});
