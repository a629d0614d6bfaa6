import { expect, test } from "vitest";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { decodeLink, readLink } from "../../../src/netlink/link/message.ts";
import { hasKind, supportsKind, supportsVlanFiltering } from "../../../src/netlink/link/support.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { bytesOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

function refusing(errno: number): FakeNetlink {
  return new FakeNetlink(({ action }) => {
    throw new NetlinkError(action, { errno });
  });
}

test("supportsKind() asks for a link with a MAC that none may have, so that an older kernel loads the module too", () => {
  const netlink = refusing(ERRNO.EADDRNOTAVAIL);
  expect(supportsKind(netlink, "bridge")).toBe(true);
  const flags = NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL;
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.NEWLINK, flags });
  const { header, attributes } = decodeLink(netlink.onlyRequest.payload);
  expect(header.index).toBe(0);
  expect(attributes).toEqual({ mac: "01:00:00:00:00:00", info: { kind: "bridge" } });
});

test("supportsKind() asks for an ipvlan with flags that none may have", () => {
  const netlink = refusing(ERRNO.EINVAL);
  expect(supportsKind(netlink, "ipvlan")).toBe(true);
  const { header, attributes } = decodeLink(netlink.onlyRequest.payload);
  expect([header.index, attributes.info?.kind]).toEqual([0, "ipvlan"]);
  expect(netlink.onlyRequest.flags).toBe(NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL);
  // IFLA_IPVLAN_FLAGS: 0xff
  expect(attributes.info?.data).toEqual(bytesOf("06000200ff000000"));
  expect(() => supportsKind(refusing(ERRNO.EADDRNOTAVAIL), "ipvlan")).toThrow(NetlinkError);
});

test("supportsKind() throws what is no answer of the kernel's", () => {
  const failure = Object.assign(new Error("a bug"), { errno: ERRNO.ENODEV });
  const broken = new FakeNetlink(() => {
    throw failure;
  });
  expect(() => supportsKind(broken, "veth")).toThrow(failure);
});

test.each(["ENODEV", "EOPNOTSUPP"] as const)("supportsKind() is false when the kernel answers %s", (code) => {
  expect(supportsKind(refusing(ERRNO[code]), "veth")).toBe(false);
});

test("supportsKind() throws when the kernel refuses to look", () => {
  expect(() => supportsKind(refusing(ERRNO.EPERM), "veth")).toThrow(
    'Cannot ask for the kind of link "veth": Operation not permitted',
  );
});

test("supportsVlanFiltering() asks to change no link to a VLAN that no bridge may have by default, and never to make one", () => {
  const netlink = refusing(ERRNO.EINVAL);
  expect(supportsVlanFiltering(netlink)).toBe(true);
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.NEWLINK, flags: NLM_F.ACK });
  expect(readLink(netlink.onlyRequest.payload)).toMatchObject({
    index: 0,
    name: "",
    kind: "bridge",
    bridge: { defaultVlan: 4095 },
  });
});

test("supportsVlanFiltering() is false when the kernel does not look at the VLAN, and throws when it refuses to look", () => {
  expect(supportsVlanFiltering(refusing(ERRNO.ENODEV))).toBe(false);
  expect(() => supportsVlanFiltering(refusing(ERRNO.EPERM))).toThrow(
    "Cannot ask for VLANs of bridges: Operation not permitted",
  );
});

test("hasKind() lists the links of the kind, which loads no module, and sees lo among them where the kernel does not know it", () => {
  const kernel = new FakeKernel();
  const host = kernel.openRoute();
  addBridge(host, { name: "br0" });
  expect(["bridge", "veth", "nonesuch"].map((kind) => hasKind(host, kind))).toEqual([true, true, false]);
  kernel.features.kinds.delete("veth");
  expect(hasKind(host, "veth")).toBe(false);

  const netlink = new FakeNetlink(() => []);
  hasKind(netlink, "ifb");
  const action = 'ask whether links of kind "ifb" are known';
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.GETLINK, flags: NLM_F.DUMP, action });
});
