import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { supportsVlanFiltering } from "../../../src/netlink/link/support.ts";
import { addVlans } from "../../../src/netlink/vlan/add.ts";
import { deleteVlans } from "../../../src/netlink/vlan/delete.ts";
import { listVlans } from "../../../src/netlink/vlan/list.ts";
import { bound } from "./links.ts";
import type { Scene } from "./record.ts";

/** VLANs of a bridge and its ports: for kernels with CONFIG_BRIDGE_VLAN_FILTERING. */
export const vlans: Scene = ({ host }) => {
  const { note, lines } = bound();
  note("a bridge that filters", () => addBridge(host, { name: "br0", vlanFiltering: true, up: true }));
  note("the kernel can", () => supportsVlanFiltering(host));
  note("one that does not", () => addBridge(host, { name: "br1", vlanFiltering: false }));
  note("how they are", () => ["br0", "br1"].map((name) => getLink(host, name).bridge));
  addVeth(host, { name: "port0", master: getLink(host, "br0").index, up: true, peer: { name: "port0p" } });
  addVeth(host, { name: "port1", master: getLink(host, "br1").index, up: true, peer: { name: "port1p" } });
  const [bridge, port] = [getLink(host, "br0"), getLink(host, "port0")];
  note("the bridge's own", () => listVlans(host, bridge));
  note("a new port's", () => listVlans(host, port));
  note("those of a port whose bridge does not filter", () => listVlans(host, getLink(host, "port1")));
  note("those of no port", () => listVlans(host, getLink(host, "port0p")));
  note("those of no link", () => listVlans(host, { index: 99, name: "none" }));
  const tagged = [200, 201, 202, 300].map((id) => ({ id, pvid: false, untagged: false }));
  note("some more", () => addVlans(host, port, [{ id: 100, pvid: true, untagged: true }, ...tagged]));
  note("what it has", () => listVlans(host, port));
  note("again", () => addVlans(host, port, tagged));
  note("another one untagged", () => addVlans(host, port, [{ id: 300, pvid: true, untagged: true }]));
  note("what it has", () => listVlans(host, port));
  note("out of some", () => deleteVlans(host, port, [1, 200, 201]));
  note("out of one that it is not in", () => deleteVlans(host, port, [7]));
  note("what it has", () => listVlans(host, port));
  note("into VLANs without a bridge", () => addVlans(host, getLink(host, "port0p"), tagged));
  note("out of VLANs without a bridge", () => deleteVlans(host, getLink(host, "port0p"), [1]));
  note("into VLANs that are none", () => addVlans(host, port, [{ id: 4095, pvid: false, untagged: false }]));
  note("out of all", () => deleteVlans(host, port, [100, 202, 300]));
  note("none", () => listVlans(host, port));
  note("out of the bridge", () => setLink(host, port, { master: 0 }));
  note("those of no port", () => listVlans(host, port));
  note("back in it, with what a new port has", () => {
    setLink(host, port, { master: bridge.index });
    return listVlans(host, port);
  });
  return lines;
};
