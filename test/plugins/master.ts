import { addAddress } from "../../src/netlink/address/add.ts";
import { addIfb } from "../../src/netlink/link/add.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { setLinkUp } from "../../src/netlink/link/set.ts";
import { addRoute } from "../../src/netlink/route/add.ts";
import type { FakeKernel } from "../kernel/fake-kernel.ts";
import { address, prefix } from "../netlink/text.ts";

/** A link of the host that others can stand on: up0, which is up. With `isUplink` it has the default route. */
export function addMaster(kernel: FakeKernel, { isUplink = false } = {}): void {
  const host = kernel.openRoute();
  addIfb(host, { name: "up0", mac: "02:00:00:00:00:50", mtu: 1400, up: true });
  const link = getLink(host, "up0");
  setLinkUp(host, link);
  if (!isUplink) return;
  addAddress(host, link, { prefix: prefix("192.0.2.10/24") });
  addRoute(host, link, { destination: prefix("0.0.0.0/0"), gateway: address("192.0.2.9") });
}
