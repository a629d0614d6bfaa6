import { expect, test } from "vitest";
import { cureForStatus, gatewayClashCheck } from "../../../src/cnictl/doctor/gateways.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";

function list(name: string, subnets: readonly string[], more: object = {}) {
  const ipam = { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]) };
  return networkOf({ name, plugins: [{ type: "bridge", bridge: "cni0", isGateway: true, ...more, ipam }] });
}

const first = list("first", ["10.88.0.0/16"]);
const second = list("second", ["10.89.0.0/24"]);

function clashes(...networks: Parameters<typeof examinationOf>[0]): readonly string[] {
  return wrong(gatewayClashCheck.run(examinationOf(networks)));
}

test("two gateways for one bridge are an error of the later network", () => {
  expect(clashes(first, second)).toEqual([
    'error second: network first gives bridge cni0 the gateway 10.88.0.1/16, and network second gives it 10.89.0.1/24: only containers of the network that comes first start (code 106) | set "bridge" to another name in second.conflist',
  ]);
});

test.each<[string, object]>([
  ["another bridge", { bridge: "cni1" }],
  ["a VLAN", { vlan: 5 }],
  ["no gateway", { isGateway: false }],
  ["forceAddress", { forceAddress: true }],
])("a network with %s is no clash", (_, more) => {
  expect(clashes(first, list("second", ["10.89.0.0/24"], more))).toEqual([]);
});

test.each([
  ["one subnet", ["10.88.0.0/16"], 0],
  ["the other's and another one", ["10.88.0.0/16", "10.89.0.0/24"], 0],
  ["IPv6", ["fd00:89::/64"], 0],
  ["another IPv6 subnet, and another of IPv4", ["fd00:89::/64", "10.89.0.0/24"], 1],
])("a network with %s is judged as ADD does", (_, subnets, count) => {
  expect(clashes(first, list("second", subnets))).toHaveLength(count);
});

test("IPv6 gateways in overlapping subnets are an error, others are not", () => {
  const six = list("six", ["fd00:88::/64"]);
  expect(clashes(six, list("other", ["fd00:89::/64"]))).toEqual([]);
  expect(clashes(six, list("wide", ["fd00:88::/48"]))).toEqual([expect.stringContaining("fd00:88::1/48")]);
});

test("cureForStatus() names the clash's cure for its message, the address without a clash, and nothing for others", () => {
  const message =
    '"cni0" already has an IP address different from 10.89.0.1/24 (found 10.88.0.1/16; set forceAddress to replace it)';
  const both = examinationOf([first, second]);
  const cure = 'set "bridge" to another name in second.conflist';
  expect([cureForStatus(both, "first", message), cureForStatus(both, "second", message)]).toEqual([cure, cure]);
  expect(cureForStatus(both, "second", "no address is free")).toBe("");
  const alone = examinationOf([second]);
  expect(cureForStatus(alone, "second", message)).toBe(
    "if nothing else needs that: ip address delete 10.88.0.1/16 dev cni0",
  );
  expect(cureForStatus(alone, "second", message.replace("/16;", "/16, 10.99.0.1/24;"))).toBe(
    "if nothing else needs that: ip address delete 10.88.0.1/16 dev cni0; ip address delete 10.99.0.1/24 dev cni0",
  );
  const used = message.replace(
    /;.*/,
    ', 10.99.0.1/24 and 2 ports of network "old": give each network a bridge of its own)',
  );
  expect(cureForStatus(alone, "second", used)).toBe(cure);
});
