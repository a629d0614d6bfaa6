import { beforeEach, expect, test } from "vitest";
import { routeCheck } from "../../../src/cnictl/doctor/forwarded-routes.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { prefix } from "../../netlink/text.ts";
import { examinationOf, networkOf, ROUTED, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

const none = (why: string) => [
  `note x: the host has no default route, and ${why}: containers reach no other networks | ip route; ip -brief link`,
];

let kernel: FakeKernel;
let host: Rtnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  host = kernel.openRoute();
  const { sysctls } = hostOn(kernel);
  for (const [name, address] of [
    ["cni0", "10.88.0.1/16"],
    ["eth0", "192.0.2.10/24"],
  ] as const) {
    addBridge(host, { name, up: true });
    addAddress(host, getLink(host, name), { prefix: prefix(address) });
    sysctls.write(`net/ipv4/conf/${name}/forwarding`, "1");
  }
  sysctls.write("net/ipv4/ip_forward", "1");
});

function addDefault(): void {
  addRoute(host, getLink(host, "eth0"), { destination: prefix("0.0.0.0/0") });
}

/** What is found where a container has these addresses. `refused` is the errno of its packet's route. */
function examine({ addresses = ["10.88.0.2/16"], refused }: { addresses?: string[]; refused?: number } = {}) {
  const own = attachment("c1", { cached: { ...cached("/n", addresses), hostLinks: ["veth1", "cni0"] } });
  const inventory = () => inventoryOf({ attachments: [own] });
  const count = () => {
    const from = kernel.requests;
    const found = routeCheck.run(examinationOf([networkOf({ plugins: [ROUTED] })], { kernel, inventory }));
    return { found, requests: kernel.requests - from };
  };
  const { found, requests } = count();
  if (refused === undefined) return wrong(found);
  kernel.refuse(requests, refused);
  return wrong(count().found);
}

test("a host that routes packets of containers is as it should be", () => {
  addDefault();
  expect(examine()).toEqual([]);
});

test("a host that lost its default route is worth a note, if it forwards for a container", () => {
  expect(examine()).toEqual(none("no gateway in its networks"));
  setLink(host, getLink(host, "eth0"), { up: false });
  expect(examine()).toEqual(none('link "eth0" is down'));
  expect(examine({ addresses: ["fd00:88::2/64"] })).toEqual([]);
  hostOn(kernel).sysctls.write("net/ipv4/ip_forward", "0");
  expect(examine()).toEqual([]);
});

test("a host without a default route may have other routes, or no other network", () => {
  addRoute(host, getLink(host, "eth0"), {
    destination: prefix("198.51.100.0/24"),
    gateway: prefix("192.0.2.1/32").address,
  });
  expect(examine()).toEqual([]);
  deleteLink(host, getLink(host, "eth0"));
  expect(examine()).toEqual([]);
});

test.each([
  [ERRNO.EACCES, "a rule or route of type prohibit refuses them"],
  [ERRNO.EINVAL, "a rule or route of type blackhole drops them"],
  [ERRNO.EHOSTUNREACH, "a rule or route of type unreachable refuses them"],
  [ERRNO.ENETUNREACH, "the table that a rule selects for them has no route"],
  [ERRNO.EXDEV, "rp_filter drops them, because the answers would leave by another link"],
])("packets of containers alone that are refused with errno %i are a warning", (refused, reason) => {
  addDefault();
  expect(examine({ refused })).toEqual([
    `warning x: the host routes its own packets to other networks, but not those from 10.88.0.2 by link "cni0": ${reason} | ip rule; ip route get 198.51.100.1 from 10.88.0.2 iif cni0`,
  ]);
});
