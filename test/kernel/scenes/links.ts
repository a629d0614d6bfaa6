import { addBridge, addIfb, addVeth } from "../../../src/netlink/link/add.ts";
import { getLinkBrief } from "../../../src/netlink/link/brief.ts";
import { beginDeletion, deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { listKind, listPorts } from "../../../src/netlink/link/list.ts";
import { ALL_GROUPS, ignoreLinkLocalSenders, setLink, setLinkUp, setPort } from "../../../src/netlink/link/set.ts";
import { supportsKind } from "../../../src/netlink/link/support.ts";
import { waitForLink } from "../../../src/netlink/link/wait.ts";
import { Journal, type Scene, type World } from "./record.ts";

/** <linux/if.h>: IF_OPER_UP */
const UP = 6;

/** A bridge with a veth into the container, both ends up, and nothing on its way. */
export function connect({ host, container, netns }: World): void {
  addBridge(host, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  const peer = { name: "eth0", mac: "02:00:00:00:00:03", netns };
  addVeth(host, { name: "veth0", mac: "02:00:00:00:00:02", up: true, master: getLink(host, "br0").index, peer });
  setLinkUp(container, getLink(container, "eth0"));
  for (const name of ["veth0", "br0"]) {
    waitForLink(host, getLink(host, name), { timeout: 10_000, until: (link) => link.operationalState === UP });
  }
}

/** Links as they are made, asked for, and refused. */
export const makeLinks: Scene = ({ host, container, netns }) => {
  const { note, lines } = bound();
  note("a namespace has lo", () => getLink(host, "lo"));
  note("no bridge yet", () => findLink(host, "br0"));
  note("a bridge", () => addBridge(host, { name: "br0", mac: "02:00:00:00:00:01", mtu: 1400, group: 7, up: true }));
  note("as it is", () => getLink(host, "br0"));
  note("another of that name", () => addBridge(host, { name: "br0" }));
  note("a name that is too long", () => addBridge(host, { name: "a-name-of-more-than-15" }));
  note("a name with a slash", () => addBridge(host, { name: "a/b" }));
  note("a group's MAC", () => addBridge(host, { name: "br1", mac: "01:00:00:00:00:01" }));
  note("nothing is left of those", () => listKind(host, "bridge").map(({ name }) => name));
  const veth = { name: "veth0", mac: "02:00:00:00:00:02", up: true, mtu: 1400, group: 9 };
  const peer = { name: "eth0", mac: "02:00:00:00:00:03", mtu: 1400, netns };
  note("a veth into the container", () => addVeth(host, { ...veth, master: getLink(host, "br0").index, peer }));
  note("the port", () => getLink(host, "veth0"));
  note("the container's end", () => getLink(container, "eth0"));
  note("the container's end, in short", () => getLinkBrief(container, "eth0"));
  note("a name that is taken here", () => addVeth(host, { ...veth, peer: { ...peer, name: "eth1" } }));
  note("a name that is taken there", () => addVeth(host, { ...veth, name: "veth1", peer }));
  note("the same name twice", () => addVeth(host, { name: "twice", peer: { name: "twice" } }));
  note("no master of that index", () => addVeth(host, { name: "veth2", master: 99, peer: { name: "veth3" } }));
  note("a master that is no bridge", () => {
    addVeth(host, { name: "veth2", master: getLink(host, "veth0").index, peer: { name: "veth3" } });
  });
  note("nothing is left of those", () => listKind(host, "veth").map(({ name }) => name));
  note("an ifb", () => addIfb(host, { name: "ifb9", mac: "02:00:00:00:00:04", mtu: 1300, up: true }));
  note("the ifb", () => getLink(host, "ifb9"));
  for (const kind of ["bridge", "veth", "ifb"] as const) note(`can make a ${kind}`, () => supportsKind(host, kind));
  return lines;
};

/** Links as they change, and as they go. */
export const changeLinks: Scene = (world) => {
  const { host, container } = world;
  const { note, lines } = bound();
  connect(world);
  const [bridge, port, inside] = [getLink(host, "br0"), getLink(host, "veth0"), getLink(container, "eth0")];
  note("the bridge with its port", () => getLink(host, bridge.index));
  note("the port", () => getLink(host, port.index));
  note("the container's end", () => getLink(container, inside.index));
  note("the bridge's ports", () => listPorts(host, bridge).map(({ name }) => name));
  note("an alias and a group", () => setLink(host, port, { alias: "mine", group: 5 }));
  note("the port now", () => getLink(host, port.index));
  note("no alias", () => setLink(host, port, { alias: "" }));
  note("an alias that is too long", () => setLink(host, port, { alias: "x".repeat(300) }));
  note("a group's MAC", () => setLink(host, bridge, { mac: "01:00:00:00:00:01" }));
  note("an MTU that is too small", () => setLink(host, port, { mtu: 67 }));
  note("hairpin and isolation", () => setPort(host, port, { hairpin: true, isolated: true }));
  note("hairpin off", () => setPort(host, port, { hairpin: false }));
  note("groups that are handed on", () => setPort(host, port, { groups: ALL_GROUPS }));
  note("the port now", () => getLink(host, port.index));
  note("settings of what is no port", () => setPort(host, bridge, { hairpin: true }));
  note("promiscuous, and all multicast", () => setLink(host, bridge, { promiscuous: true, allMulticast: true }));
  note("twice is once", () => setLink(host, bridge, { promiscuous: true }));
  note("no notes of link-local senders", () => ignoreLinkLocalSenders(host, bridge));
  note("the bridge now", () => getLink(host, bridge.index));
  // Before Linux 6.2 a link that is up keeps its name.
  setLink(host, port, { up: false });
  note("another name", () => setLink(host, port, { name: "veth7" }));
  note("a name that is taken", () => setLink(host, port, { name: "br0" }));
  setLink(host, port, { up: true });
  note("found by the new name", () => findLink(host, "veth7")?.index === port.index);
  note("down inside", () => setLink(container, inside, { up: false }));
  note("the port sees it", () => {
    return waitForLink(host, port, { timeout: 10_000, until: ({ operationalState }) => operationalState !== UP });
  });
  note("out of the bridge", () => setLink(host, port, { master: 0 }));
  note("no ports", () => listPorts(host, bridge));
  note("back into it", () => setLink(host, port, { master: bridge.index }));
  note("lo cannot be deleted", () => deleteLink(host, { index: 1, name: "lo" }));
  note("a link that is not there", () => deleteLink(host, { index: 99, name: "none" }));
  note("a change of it", () => setLinkUp(host, { index: 99, name: "none" }));
  note("by its end outside", () => beginDeletion(host, port).finish());
  note("both are gone", () => [findLink(host, "veth7"), findLink(container, "eth0")].map((each) => each ?? "none"));
  note("again", () => beginDeletion(host, port).finish());
  return lines;
};

/** What a bridge takes over from its ports. */
export const followPorts: Scene = ({ host }) => {
  const { note, lines } = bound();
  const macOf = (name: string) => getLink(host, name).mac;
  const veth = (name: string, mac: string, mtu: number) =>
    addVeth(host, { name, mac, mtu, master: getLink(host, "br0").index, peer: { name: `${name}p` } });
  addBridge(host, { name: "br0" });
  note("the first port's MAC", () => {
    veth("port0", "02:00:00:00:00:20", 1400);
    return [macOf("br0"), getLink(host, "br0").mtu];
  });
  note("a lower one", () => {
    veth("port1", "02:00:00:00:00:10", 1300);
    return [macOf("br0"), getLink(host, "br0").mtu];
  });
  note("the first again", () => {
    deleteLink(host, getLink(host, "port1"));
    return [macOf("br0"), getLink(host, "br0").mtu];
  });
  note("its own, from when it is set", () => {
    setLink(host, getLink(host, "br0"), { mac: "02:00:00:00:00:77", mtu: 1450 });
    veth("port2", "02:00:00:00:00:05", 1200);
    return [macOf("br0"), getLink(host, "br0").mtu];
  });
  note("without ports it is down", () => {
    for (const name of ["port0", "port2"]) deleteLink(host, getLink(host, name));
    return [macOf("br0"), getLink(host, "br0").operationalState];
  });
  addBridge(host, { name: "br1" });
  note("no MAC when the last port has gone", () => {
    addVeth(host, {
      name: "port3",
      mac: "02:00:00:00:00:30",
      master: getLink(host, "br1").index,
      peer: { name: "p3" },
    });
    deleteLink(host, getLink(host, "port3"));
    return macOf("br1");
  });
  note("a bridge that goes lets its ports go", () => {
    addVeth(host, { name: "port4", master: getLink(host, "br1").index, peer: { name: "p4" } });
    deleteLink(host, getLink(host, "br1"));
    return [getLink(host, "port4").master ?? "none", getLink(host, "port4").port ?? "none"];
  });
  return lines;
};

/** A journal, and its way to note. */
export function bound(): Pick<Journal, "note" | "lines"> {
  const journal = new Journal();
  return { note: (title, act) => journal.note(title, act), lines: journal.lines };
}
