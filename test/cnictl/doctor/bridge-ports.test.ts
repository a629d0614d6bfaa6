import { expect, test } from "vitest";
import { portCheck } from "../../../src/cnictl/doctor/bridge-ports.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { examinationOf, networkOf, ROUTED, wrong } from "./examinee.ts";

const networks = ["one", "two"].map((name) => networkOf({ name, plugins: [ROUTED] }));

/** What is found of two networks with one bridge. */
function findings(ports: number) {
  const kernel = new FakeKernel();
  const { netlink } = hostOn(kernel);
  addBridge(netlink, { name: "cni0" });
  const master = getLink(netlink, "cni0").index;
  for (let n = 0; n < ports; n++) addVeth(netlink, { name: `a${n}`, master, peer: { name: `b${n}` } });
  return portCheck.run(examinationOf(networks, { kernel }));
}

test("a bridge with room is as it should be", () => {
  expect(findings(2)).toEqual([{ level: "ok", subject: "cni0", message: "2 of 1023 ports of the bridge are used" }]);
});

test("a bridge of which four fifths are used is a warning, and a full one an error", () => {
  const cure = "use another bridge for more containers";
  expect(wrong(findings(818))).toEqual([]);
  expect(wrong(findings(819))).toEqual([`warning cni0: 819 of 1023 ports of the bridge are used | ${cure}`]);
  expect(wrong(findings(1023))).toEqual([`error cni0: 1023 of 1023 ports of the bridge are used | ${cure}`]);
});

test("a bridge that does not exist yet, and another kind of link, are left out", () => {
  const kernel = new FakeKernel();
  expect(portCheck.run(examinationOf(networks, { kernel }))).toEqual([]);
  addVeth(hostOn(kernel).netlink, { name: "cni0", peer: { name: "b" } });
  expect(portCheck.run(examinationOf(networks, { kernel }))).toEqual([]);
});
