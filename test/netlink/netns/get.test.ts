import { expect, it } from "vitest";
import { addChild, listChildren } from "../../../src/netlink/link/child.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { findNetnsId } from "../../../src/netlink/netns/get.ts";
import { decodeNetns, encodeNetns } from "../../../src/netlink/netns/message.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { addMaster } from "../../plugins/master.ts";

// strace -e write=4 -e read=4 ip netns list, of iproute2 6.1 on Linux 6.18: what is behind struct nlmsghdr
const ASKED = "000000000800030006000000";
const ANSWERED = "000000000800010000000000";
const UNASSIGNED = "0000000008000100ffffffff";

it("encodeNetns() asks by a descriptor, and decodeNetns() reads the number", () => {
  expect(Buffer.from(encodeNetns({ header: {}, attributes: { fd: 6 } })).toString("hex")).toBe(ASKED);
  expect(decodeNetns(Buffer.from(ANSWERED, "hex")).attributes.id).toBe(0);
  expect(decodeNetns(Buffer.from(UNASSIGNED, "hex")).attributes.id).toBe(-1);
});

it("findNetnsId() is the number by which a link says where its parent is; undefined without one", () => {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const host = kernel.openRoute();
  const { netns, netlink } = kernel.openContainer(kernel.addNamespace("container"));
  expect(findNetnsId(netlink, kernel.host.fd)).toBeUndefined();
  const parent = getLink(host, "up0").index;
  addChild(host, { kind: "macvlan", name: "eth0", settings: { mode: 4 }, parent, netns });
  const [child] = listChildren(netlink, "macvlan");
  expect(findNetnsId(netlink, kernel.host.fd)).toBe(child?.parentNetns);
});
