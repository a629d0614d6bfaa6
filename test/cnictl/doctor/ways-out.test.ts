import { beforeEach, expect, test } from "vitest";
import { wayOutCheck } from "../../../src/cnictl/doctor/ways-out.ts";
import type { KnownAttachment } from "../../../src/cnictl/inventory/attachments.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

const IPAM = { type: "host-local", subnet: "10.88.0.0/16", routes: [{ dst: "0.0.0.0/0" }] };
const NOBODY = [
  'warning x: nobody has the gateway\'s address 10.88.0.1: containers on bridge cni0 have no way out | set "isGateway" to true in x.conflist, or give a router on the bridge that address',
];

let kernel: FakeKernel;
let host: Rtnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  host = kernel.openRoute();
});

function examine(plugin: object = {}, attachments: readonly KnownAttachment[] = []): readonly string[] {
  const network = networkOf({ plugins: [{ type: "bridge", bridge: "cni0", ipam: IPAM, ...plugin }] });
  return wrong(wayOutCheck.run(examinationOf([network], { kernel, inventory: () => inventoryOf({ attachments }) })));
}

/** The bridge, and a port that is the host's end of a veth. */
function addPort(name: string): void {
  addBridge(host, { name: "cni0" });
  addVeth(host, { name, up: true, peer: { name: "peer" } });
  setLink(host, getLink(host, name), { master: getLink(host, "cni0").index });
}

test("a gateway that nobody has is a warning, also on a bridge whose ports are containers' alone", () => {
  expect(examine()).toEqual(NOBODY);
  addPort("veth0");
  const own = attachment("c1", { cached: { ...cached("/n", ["10.88.0.2/16"]), hostLinks: ["cni0", "veth0"] } });
  expect(examine({}, [own])).toEqual(NOBODY);
});

test.each([
  ["isGateway", { isGateway: true }],
  ["isDefaultGateway", { isDefaultGateway: true }],
  ["no default route", { ipam: { ...IPAM, routes: [{ dst: "10.0.0.0/8" }] } }],
  ["no host-local", { ipam: { type: "dhcp" } }],
])("with %s nobody else needs the address", (_, plugin) => {
  expect(examine(plugin)).toEqual([]);
});

test("the host, a container, or a router behind another port may have the address", () => {
  expect(examine({}, [attachment("router", { cached: cached("/n", ["10.88.0.1/16"]) })])).toEqual([]);
  addPort("veth0");
  expect(examine()).toEqual([]);
  const own = attachment("c1", { cached: { ...cached("/n"), hostLinks: ["veth0"] } });
  setLink(host, getLink(host, "cni0"), { up: true });
  addAddress(host, getLink(host, "cni0"), { prefix: prefix("10.88.0.1/16") });
  expect(examine({}, [own])).toEqual([]);
});

test("the gateway of the route itself counts", () => {
  const routes = [{ dst: "0.0.0.0/0", gw: "10.88.0.9" }, { dst: "::/0" }];
  const found = examine({
    ipam: { type: "host-local", routes, ranges: [[{ subnet: "10.88.0.0/16" }], [{ subnet: "fd00::/64" }]] },
  });
  expect(found.map((line) => /address (\S+):/.exec(line)?.[1])).toEqual(["10.88.0.9", "fd00::1"]);
});
