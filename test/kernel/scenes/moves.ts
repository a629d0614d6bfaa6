import { addAddress } from "../../../src/netlink/address/add.ts";
import { listAddresses } from "../../../src/netlink/address/list.ts";
import { addBridge, addIfb, addVeth } from "../../../src/netlink/link/add.ts";
import { findDevice, listDevices } from "../../../src/netlink/link/device.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { moveLinkTo } from "../../../src/netlink/link/move.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { prefix } from "../../netlink/text.ts";
import { bound } from "./links.ts";
import type { Scene } from "./record.ts";

/** Links that go to another namespace. */
export const moveLinks: Scene = ({ host, container, netns }) => {
  const { note, lines } = bound();
  addVeth(host, { name: "card0", mac: "02:00:00:00:00:02", peer: { name: "card1", mac: "02:00:00:00:00:03" } });
  const card = getLink(host, "card0");
  addAddress(host, card, { prefix: prefix("10.1.2.3/24") });
  setLink(host, card, { up: true });
  note("its hardware", () => findDevice(host, "card0")?.parent);
  note("into the container, under another name", () => {
    moveLinkTo(host, card, { netns, name: "net1", alias: "card0" });
  });
  note("gone from the host", () => findLink(host, "card0"));
  note("as it is there", () => getLink(container, "net1"));
  note("its addresses", () => listAddresses(container, getLink(container, "net1"), 4).length);
  note("all that is there", () => listDevices(container).map(({ name, alias }) => [name, alias]));
  note("once more", () => moveLinkTo(host, card, { netns, name: "net1" }));
  note("to where it is", () => moveLinkTo(container, card, { netns, name: "net2" }));
  setLink(container, getLink(container, "net2"), { name: "net1" });
  addIfb(host, { name: "card2", mac: "02:00:00:00:00:04" });
  const other = getLink(host, "card2");
  note("under a name that is taken", () => moveLinkTo(host, other, { netns, name: "net1" }));
  note("it is there, under its own", () => [findLink(host, "card2") ?? "none", getLink(container, "card2").name]);
  addIfb(host, { name: "card2", mac: "02:00:00:00:00:05" });
  const third = getLink(host, "card2");
  note("its own name is taken", () => moveLinkTo(host, third, { netns, name: "card2" }));
  note("its own name is taken, and the new one free", () => moveLinkTo(host, third, { netns, name: "net3" }));
  note("as it is there", () => getLink(container, "net3").mac);
  note("lo", () => moveLinkTo(host, getLink(host, "lo"), { netns, name: "lo9" }));
  addBridge(host, { name: "br0", mac: "02:00:00:00:00:01" });
  note("a bridge", () => moveLinkTo(host, getLink(host, "br0"), { netns, name: "br0" }));
  addIfb(host, { name: "port0", mac: "02:00:00:00:00:06" });
  note("a bridge's port", () => {
    setLink(host, getLink(host, "port0"), { master: getLink(host, "br0").index });
    moveLinkTo(host, getLink(host, "port0"), { netns, name: "port0" });
  });
  note("it is no port now", () => getLink(container, "port0").master ?? "none");
  note("to no namespace", () => moveLinkTo(host, getLink(host, "br0"), { netns: 9999, name: "br0" }));
  return lines;
};
