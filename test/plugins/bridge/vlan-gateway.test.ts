import { expect, test } from "vitest";
import { isGatewayPort } from "../../../plugins/bridge/vlan-gateway.ts";
import { readLink } from "../../../src/netlink/link/message.ts";
import { linkIn } from "../../netlink/captured.ts";

test("isGatewayPort() knows the port of a VLAN's gateway by its alias, and before it has one by the group that it was made in", () => {
  const port = readLink(linkIn("get-peer", "eth0").payload);
  expect(isGatewayPort(port)).toBe(false);
  expect(isGatewayPort({ ...port, alias: "VLAN gateway of the CNI plugin bridge" })).toBe(true);
  expect(isGatewayPort({ ...port, group: 0x434e4956 })).toBe(true);
  expect(isGatewayPort({ ...port, alias: "mine", group: 0x434e4956 })).toBe(false);
});
