import { addAddress } from "../../../src/netlink/address/add.ts";
import { deleteAddress } from "../../../src/netlink/address/delete.ts";
import { findAddresses, listAddresses, listFirstAddresses } from "../../../src/netlink/address/list.ts";
import { encodeFamily } from "../../../src/netlink/family.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import type { LinkId } from "../../../src/netlink/link/message.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { addRoute, type NewRoute } from "../../../src/netlink/route/add.ts";
import { findDefaultRoute } from "../../../src/netlink/route/default.ts";
import { RT_SCOPE, RT_TABLE } from "../../../src/netlink/route/header.ts";
import { getRoute, listRoutes } from "../../../src/netlink/route/list.ts";
import { encodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { address, prefix } from "../../netlink/text.ts";
import { bound, connect } from "./links.ts";
import type { Scene } from "./record.ts";

/** Deletes a route, like `ip route delete`. */
function deleteRoute(netlink: Rtnetlink, { index }: LinkId, { destination, gateway, priority }: NewRoute): void {
  const { address: network, length } = destination;
  const payload = encodeRoute({
    header: {
      family: encodeFamily(network.family),
      destinationLength: length,
      table: RT_TABLE.MAIN,
      scope: RT_SCOPE.NOWHERE,
    },
    attributes: { destination: length === 0 ? undefined : network, gateway, index, priority },
  });
  netlink.request({ type: RTM.DELROUTE, flags: NLM_F.ACK, payload, action: "delete a route" });
}

const NONE = { index: 99, name: "none" };

/** Addresses: added, listed, refused, deleted. Those that links give themselves are passed over: they come when they want. */
export const addresses: Scene = (world) => {
  const { container } = world;
  const { note, lines } = bound();
  connect(world);
  const eth = getLink(container, "eth0");
  const list = (family: 4 | 6) =>
    listAddresses(container, eth, family).filter(({ scope }) => family === 4 || scope === 0);
  note("IPv4", () => addAddress(container, eth, { prefix: prefix("10.1.0.2/24"), broadcast: address("10.1.0.255") }));
  note("a second one of its subnet", () => addAddress(container, eth, { prefix: prefix("10.1.0.3/24") }));
  note("one of another", () => addAddress(container, eth, { prefix: prefix("10.2.0.3/16"), withoutRoute: true }));
  note("the same again", () => addAddress(container, eth, { prefix: prefix("10.1.0.2/24") }));
  note("the same with another length", () => addAddress(container, eth, { prefix: prefix("10.1.0.2/25") }));
  note("IPv6", () => addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true }));
  note("the same again", () => addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true }));
  note("the same with another length", () => addAddress(container, eth, { prefix: prefix("fd00::2/65") }));
  note("one on its link", () => {
    addAddress(container, eth, { prefix: prefix("fe80::99/64"), withoutDad: true });
    return findAddresses(container, eth, [prefix("fe80::99/64")]);
  });
  note("on no link", () => addAddress(container, NONE, { prefix: prefix("10.1.0.2/24") }));
  note("what IPv4 has", () => list(4));
  note("what IPv6 has", () => list(6));
  note("those of lo", () => listAddresses(container, { index: 1, name: "lo" }));
  note("some of them", () => findAddresses(container, eth, [prefix("10.1.0.3/24"), prefix("10.1.0.4/24")]));
  note("the first", () => listFirstAddresses(container, eth, 1));
  note("those of no link", () => listAddresses(container, NONE));
  note("one that is not there", () => deleteAddress(container, eth, prefix("10.1.0.9/24")));
  note("one of another length", () => deleteAddress(container, eth, prefix("10.2.0.3/24")));
  note("the first takes the others of its subnet along", () => {
    deleteAddress(container, eth, prefix("10.1.0.2/24"));
    return list(4);
  });
  note("IPv6 that is not there", () => deleteAddress(container, eth, prefix("fd00::9/64")));
  note("IPv6 goes", () => {
    deleteAddress(container, eth, prefix("fd00::2/64"));
    return list(6);
  });
  return lines;
};

/** Routes of IPv4, and the one that an address leads to. */
export const routes4: Scene = (world) => {
  const { container } = world;
  const { note, lines } = bound();
  connect(world);
  const eth = getLink(container, "eth0");
  const list = () => listRoutes(container, { family: 4 });
  addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
  note("an address brings one", list);
  const way = { destination: prefix("0.0.0.0/0"), gateway: address("10.1.0.1") };
  note("none by default", () => findDefaultRoute(container, 4));
  note("nowhere to go", () => getRoute(container, address("8.8.8.8")));
  note("by default", () => addRoute(container, eth, way));
  note("the same again", () => addRoute(container, eth, way));
  note("of another priority", () => addRoute(container, eth, { ...way, priority: 5, mtu: 1300, advmss: 1200 }));
  note("by another gateway", () => addRoute(container, eth, { ...way, gateway: address("10.1.0.9") }));
  note("on the link", () => addRoute(container, eth, { destination: prefix("10.8.3.4/16"), scope: 253 }));
  note("a gateway that is elsewhere", () => addRoute(container, eth, { ...way, gateway: address("10.7.0.1") }));
  note("the same, on the link", () => {
    const destination = prefix("10.9.0.0/16");
    addRoute(container, eth, { destination, gateway: address("10.7.0.1"), onlink: true, table: 1000 });
  });
  note("an own address as gateway", () => addRoute(container, eth, { ...way, gateway: address("10.1.0.2") }));
  note("a source that is not there", () => {
    addRoute(container, eth, { destination: prefix("10.5.0.0/16"), preferredSource: address("10.1.0.7") });
  });
  note("through no link", () => addRoute(container, NONE, way));
  note("without a gateway", () => addRoute(container, NONE, { destination: prefix("10.6.0.0/16") }));
  note("all of main", list);
  note("another table", () => listRoutes(container, { family: 4, table: 1000 }));
  note("a table that does not exist", () => listRoutes(container, { family: 4, table: 77 }));
  note("through another link", () => listRoutes(container, { family: 4, index: 1 }));
  note("some destinations", () => listRoutes(container, { family: 4, destinations: [prefix("10.8.0.0/16")] }));
  note("the way of an address", () => getRoute(container, address("8.8.8.8"), { whole: true }));
  note("the default one", () => findDefaultRoute(container, 4));
  note("not the default one", () => getRoute(container, address("10.8.1.1"), { whole: true }));
  note("the first of them goes", () => deleteRoute(container, eth, way));
  note("it is not there", () => deleteRoute(container, eth, { ...way, gateway: address("10.1.0.77") }));
  note("what is left", list);
  note("down, all go", () => {
    setLink(container, eth, { up: false });
    return list();
  });
  note("a route through what is down", () => addRoute(container, eth, way));
  note("without a gateway", () => addRoute(container, eth, { destination: prefix("10.6.0.0/16") }));
  note("up, that of the address is back", () => {
    setLink(container, eth, { up: true });
    return list();
  });
  return lines;
};

/** Routes of IPv6. */
export const routes6: Scene = (world) => {
  const { container } = world;
  const { note, lines } = bound();
  connect(world);
  const eth = getLink(container, "eth0");
  const destinations = ["fd00::/64", "fd01::/64", "::/0"].map(prefix);
  const list = () => listRoutes(container, { family: 6, destinations });
  addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true });
  note("an address brings one", list);
  note("none by default", () => findDefaultRoute(container, 6));
  note("nowhere to go", () => getRoute(container, address("fd09::1")));
  const way = { destination: prefix("fd01::/64"), gateway: address("fd00::a") };
  note("by a gateway", () => addRoute(container, eth, way));
  note("the same again", () => addRoute(container, eth, way));
  note("a second way", () => addRoute(container, eth, { ...way, gateway: address("fd00::b") }));
  note("of another priority", () => addRoute(container, eth, { ...way, priority: 7 }));
  note("by default", () => addRoute(container, eth, { destination: prefix("::/0"), gateway: address("fe80::1") }));
  note("a gateway that is elsewhere", () =>
    addRoute(container, eth, { destination: prefix("fd05::/64"), gateway: address("fd77::1") }),
  );
  note("all", list);
  note("the default one", () => findDefaultRoute(container, 6));
  note("through no link", () => addRoute(container, NONE, way));
  note("the way of an address", () => getRoute(container, address("fd01::7"), { whole: true }).nextHops.length);
  note("one of two ways goes", () => {
    deleteRoute(container, eth, { ...way, priority: 1024 });
    return list();
  });
  return lines;
};
