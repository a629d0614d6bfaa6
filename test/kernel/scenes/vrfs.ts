import { isLinkLocal } from "../../../src/ip/address.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { listAddresses } from "../../../src/netlink/address/list.ts";
import { addChild, findChild, listChildren } from "../../../src/netlink/link/child.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findDevice } from "../../../src/netlink/link/device.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { listPorts } from "../../../src/netlink/link/list.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { supportsKind } from "../../../src/netlink/link/support.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { RTN } from "../../../src/netlink/route/header.ts";
import { listRoutesThrough } from "../../../src/netlink/route/whole.ts";
import { address, prefix } from "../../netlink/text.ts";
import { bound, connect } from "./links.ts";
import type { Scene } from "./record.ts";

/** VRFs as they are made and refused, and what a link keeps that joins one and leaves it. Not every kernel has them. */
export const vrfs: Scene = (world) => {
  const { container } = world;
  const { note, lines } = bound();
  connect(world);
  const eth = getLink(container, "eth0");
  const vrf = (name: string, table?: number) => addChild(container, { kind: "vrf", name, settings: { table } });
  const addresses = () => listAddresses(container, eth).filter(({ prefix: { address: each } }) => !isLinkLocal(each));
  const routes = () =>
    ([4, 6] as const)
      .flatMap((family) => listRoutesThrough(container, { family, index: eth.index }))
      .filter(({ known }) => known.type === RTN.UNICAST && !isLinkLocal(known.destination.address))
      .map(({ known }) => known)
      // The kernel has its tables in no order.
      .sort((a, b) => a.table - b.table);
  note("can make a VRF", () => supportsKind(container, "vrf"));
  note("one without a table", () => vrf("red"));
  note("one", () => vrf("red", 10));
  note("its name again", () => vrf("red", 11));
  note("another one with its table", () => vrf("blue", 10));
  note("as it is", () => {
    const { settings, link } = findChild(container, "vrf", "red") ?? {};
    return { settings, kind: link?.kind, mtu: link?.mtu, up: link?.up };
  });
  note("all of them", () => listChildren(container, "vrf").map(({ link, settings }) => [link.name, settings.table]));
  const red = getLink(container, "red");
  setLink(container, red, { up: true });
  addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
  addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true });
  addRoute(container, eth, { destination: prefix("10.2.0.0/16"), gateway: address("10.1.0.1") });
  addRoute(container, eth, { destination: prefix("fd01::/64"), gateway: address("fd00::1") });
  addRoute(container, eth, { destination: prefix("10.3.0.0/16"), gateway: address("10.1.0.1"), table: 77 });
  note("what a link has", () => [addresses(), routes()]);
  note("it joins", () => setLink(container, eth, { master: red.index }));
  note("what is left", () => [addresses(), routes()]);
  note("the kind of its master", () => findDevice(container, "eth0")?.masterKind);
  note("the VRF's links", () => listPorts(container, red).map(({ name }) => name));
  note("a route of the VRF", () => {
    addRoute(container, eth, { destination: prefix("10.2.0.0/16"), gateway: address("10.1.0.1"), table: 10 });
    return routes();
  });
  note("a VRF in a VRF", () => setLink(container, getLink(container, "blue"), { master: red.index }));
  note("lo in a VRF", () => setLink(container, getLink(container, "lo"), { master: red.index }));
  note("the VRF goes, and its links leave it", () => {
    deleteLink(container, red);
    return [getLink(container, "eth0").master ?? "none", addresses(), routes()];
  });
  return lines;
};
