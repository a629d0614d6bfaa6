import { addBridge, addIfb } from "../../../src/netlink/link/add.ts";
import {
  addChild,
  type ChildKind,
  findChild,
  IPVLAN_MODE,
  listChildren,
  MACVLAN_MODE,
} from "../../../src/netlink/link/child.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { supportsKind } from "../../../src/netlink/link/support.ts";
import { bound } from "./links.ts";
import type { Scene } from "./record.ts";

/** What is below a macvlan: the numbers of namespaces are the kernel's affair. */
function describe(child: ReturnType<typeof findChild<"macvlan">>) {
  return child && { ...child, parentNetns: child.parentNetns === undefined ? "here" : "elsewhere" };
}

/** Macvlans as they are made, found and refused, and as they go. */
export const macvlans: Scene = ({ host, container, netns }) => {
  const { note, lines } = bound();
  addIfb(host, { name: "up0", mac: "02:00:00:00:00:01", mtu: 1400, up: true });
  const parent = getLink(host, "up0").index;
  const base = { kind: "macvlan", settings: { mode: MACVLAN_MODE.BRIDGE }, parent, netns } as const;
  const mac = "02:00:00:00:00:02";
  note("can make a macvlan", () => supportsKind(host, "macvlan"));
  note("one in the container", () => {
    addChild(host, {
      ...base,
      name: "eth0",
      mac,
      mtu: 1300,
      settings: { mode: MACVLAN_MODE.PRIVATE, queueLength: 50 },
    });
  });
  note("as it is", () => describe(findChild(container, "macvlan", "eth0")));
  note("not on the host", () => findLink(host, "eth0"));
  note("up", () => {
    setLink(container, getLink(container, "eth0"), { up: true });
    return getLink(container, "eth0").up;
  });
  note("its name again", () => addChild(host, { ...base, name: "eth0" }));
  note("with the parent's MTU", () => {
    addChild(host, { ...base, name: "eth1" });
    return getLink(container, "eth1").mtu;
  });
  note("more than the parent's MTU", () => addChild(host, { ...base, name: "eth2", mtu: 1500 }));
  note("no parent", () => addChild(host, { ...base, name: "eth2", parent: undefined }));
  note("no such parent", () => addChild(host, { ...base, name: "eth2", parent: 99 }));
  note("the whole parent", () => {
    addChild(host, { ...base, name: "eth2", settings: { mode: MACVLAN_MODE.PASSTHRU } });
  });
  note("in its own namespace", () => {
    addChild(host, { ...base, name: "mac0", mac: "02:00:00:00:00:03", netns: undefined });
    return describe(findChild(host, "macvlan", "mac0"));
  });
  note("on that, beside it", () => {
    addChild(host, { ...base, name: "eth3", parent: getLink(host, "mac0").index });
    return findChild(container, "macvlan", "eth3")?.parent === parent;
  });
  note("a link of another kind", () => describe(findChild(host, "macvlan", "up0"))?.settings);
  note("the parent goes, and all with it", () => {
    deleteLink(host, getLink(host, "up0"));
    return ["eth0", "eth1", "eth3"].map((name) => findLink(container, name) ?? "none");
  });
  note("on a port of a bridge", () => {
    addBridge(host, { name: "br0" });
    addIfb(host, { name: "up1", mac: "02:00:00:00:00:04" });
    setLink(host, getLink(host, "up1"), { master: getLink(host, "br0").index });
    addChild(host, { ...base, name: "eth0", parent: getLink(host, "up1").index });
  });
  note("alone on its parent, with its MAC", () => {
    addIfb(host, { name: "up2", mac: "02:00:00:00:00:05" });
    const settings = { mode: MACVLAN_MODE.PASSTHRU };
    addChild(host, { ...base, name: "eth0", mac, settings, parent: getLink(host, "up2").index });
    return getLink(container, "eth0").mac;
  });
  note("no second", () => addChild(host, { ...base, name: "eth1", parent: getLink(host, "up2").index }));
  return lines;
};

/** Links in VLANs, ipvlans and dummies as they are made, found and refused. Not every kernel has them. */
export const children: Scene = ({ host, container, netns }) => {
  const { note, lines } = bound();
  const found = <K extends ChildKind>(kind: K, name: string) => {
    const { settings, parent, link } = findChild(container, kind, name) ?? {};
    return {
      settings,
      isOnParent: parent === getLink(host, "up0").index,
      kind: link?.kind,
      mac: link?.mac,
      mtu: link?.mtu,
    };
  };
  for (const kind of ["vlan", "ipvlan", "dummy"] as const) note(`can make a ${kind}`, () => supportsKind(host, kind));
  addChild(host, { kind: "dummy", name: "up0", settings: {}, mac: "02:00:00:00:00:01", mtu: 1400 });
  const parent = getLink(host, "up0").index;
  const vlan = { kind: "vlan", settings: { id: 100 }, parent, netns } as const;
  note("a link in a VLAN", () => addChild(host, { ...vlan, name: "vlan0" }));
  note("as it is", () => found("vlan", "vlan0"));
  note("the same VLAN again", () => addChild(host, { ...vlan, name: "vlan1" }));
  note("another one", () => addChild(host, { ...vlan, name: "vlan1", settings: { id: 101 }, mtu: 1300 }));
  note("no VLAN", () => addChild(host, { ...vlan, name: "vlan2", settings: { id: 4096 } }));
  note("more than the parent's MTU", () => addChild(host, { ...vlan, name: "vlan2", settings: { id: 5 }, mtu: 1500 }));
  const ipvlan = { kind: "ipvlan", settings: { mode: IPVLAN_MODE.L3, flags: 1 }, parent, netns } as const;
  note("an ipvlan", () => addChild(host, { ...ipvlan, name: "ipv0" }));
  note("as it is", () => found("ipvlan", "ipv0"));
  note("flags that are none", () => addChild(host, { ...ipvlan, name: "ipv1", settings: { flags: 0xff } }));
  note("one of another mode, which the first takes over", () => {
    addChild(host, { ...ipvlan, name: "ipv1", settings: { mode: IPVLAN_MODE.L2, flags: 0 } });
    return [found("ipvlan", "ipv0").settings, found("ipvlan", "ipv1").settings];
  });
  note("those of a kind", () => listChildren(container, "ipvlan").map(({ link }) => link.name));
  note("a macvlan beside it", () => {
    addChild(host, { kind: "macvlan", name: "mac0", settings: { mode: MACVLAN_MODE.BRIDGE }, parent, netns });
  });
  note("the parent goes, and all with it", () => {
    deleteLink(host, getLink(host, "up0"));
    return ["vlan0", "vlan1", "ipv0", "ipv1"].map((name) => findLink(container, name) ?? "none");
  });
  return lines;
};
