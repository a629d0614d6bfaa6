import { beforeEach, describe, expect, test } from "vitest";
import type { Redirect } from "../../../plugins/portmap/redirect.ts";
import { deleteReferenceRedirects, hasReferenceRedirects } from "../../../plugins/portmap/reference.ts";
import { listRulesIfThere } from "../../../src/netfilter/nftables/rule.ts";
import { findComment } from "../../../src/netfilter/nftables/userdata.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address } from "../../netlink/text.ts";
import { addGoTable, type GoRule } from "./go-tables.ts";

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const FAMILY = { 4: 2, 6: 10 } as const;

/** A mapping and a rule that masquerades, of a container's address. */
const rulesOf = (containerId: string, to: string, hostPort = 8080): readonly GoRule[] => [
  { containerId, hostPort, to: [to, 80] },
  { containerId, chain: "masquerading", masquerades: to },
];

/** The chain and the container of each rule that is left. */
function left(family: 4 | 6): readonly string[] {
  return ["hostports", "hostip_hostports", "masquerading"].flatMap((name) =>
    listRulesIfThere(netlink, { family: FAMILY[family], table: "cni_hostport", name }).map(
      ({ userdata }) => `${name} ${findComment("rule", userdata)}`,
    ),
  );
}

describe("deleteReferenceRedirects()", () => {
  test("deletes all rules of the container in both families and all three chains, and no other container's", () => {
    addGoTable(kernel, 4, [
      ...rulesOf("c1", "10.88.0.2"),
      ...rulesOf("c10", "10.88.0.4"),
      { containerId: "c1", chain: "hostip_hostports", hostIp: "192.0.2.1", hostPort: 81, to: ["10.88.0.2", 80] },
      { containerId: "xc1", hostPort: 82, to: ["10.88.0.2", 80] },
      { hostPort: 83, to: ["10.88.0.2", 80] },
    ]);
    addGoTable(kernel, 6, [...rulesOf("c1", "fd00:88::2"), ...rulesOf("c2", "fd00:88::3")]);
    deleteReferenceRedirects(netlink, owner, []);
    expect(left(4)).toEqual(["hostports c10", "hostports xc1", "hostports undefined", "masquerading c10"]);
    expect(left(6)).toEqual(["hostports c2", "masquerading c2"]);
  });

  test("deletes only rules with one of the attachment's addresses, if they are known: others are another network's", () => {
    addGoTable(kernel, 4, [...rulesOf("c1", "10.88.0.2"), ...rulesOf("c1", "10.99.0.2", 81)]);
    addGoTable(kernel, 6, rulesOf("c1", "fd00:88::2"));
    deleteReferenceRedirects(netlink, owner, [address("10.77.0.2"), address("10.88.0.2")]);
    expect(left(4)).toEqual(["hostports c1", "masquerading c1"]);
    expect(left(6)).toHaveLength(2);
    expect(hasReferenceRedirects(netlink, owner, [redirect({ to: "10.99.0.2", hostPort: 81 })])).toBe(true);
  });

  test("deletes nothing twice, and needs neither rules nor tables", () => {
    deleteReferenceRedirects(netlink, owner, []);
    addGoTable(kernel, 4, rulesOf("c2", "10.88.0.3"));
    const before = kernel.snapshot();
    deleteReferenceRedirects(netlink, owner, []);
    expect(kernel.snapshot()).toEqual(before);
  });
});

function redirect({ to = "10.88.0.2", ...rest }: { to?: string } & Partial<Omit<Redirect, "to">> = {}): Redirect {
  return { protocol: "tcp", hostIp: undefined, hostPort: 8080, toPort: 80, ...rest, to: address(to) };
}

describe("hasReferenceRedirects()", () => {
  beforeEach(() => {
    addGoTable(kernel, 4, [
      ...rulesOf("c1", "10.88.0.2"),
      ...rulesOf("c1", "10.88.0.2", 81),
      { containerId: "c1", hostIp: "192.0.2.1", hostPort: 82, to: ["10.88.0.2", 80] },
    ]);
    addGoTable(kernel, 6, [...rulesOf("c1", "fd00:88::2"), ...rulesOf("c2", "fd00:88::3")]);
  });

  test.each([
    ["one mapping", [redirect()], true],
    [
      "all of several, of both families",
      [redirect(), redirect({ hostPort: 81 }), redirect({ to: "fd00:88::2" })],
      true,
    ],
    ["another port", [redirect({ hostPort: 83 })], false],
    ["another port of the container", [redirect({ toPort: 8080 })], false],
    ["the same two ports the other way round", [redirect({ hostPort: 80, toPort: 8080 })], false],
    ["another protocol", [redirect({ protocol: "udp" })], false],
    ["one address of the host, where the rule is for all", [redirect({ hostIp: address("192.0.2.1") })], false],
    ["one address of the host", [redirect({ hostPort: 82, hostIp: address("192.0.2.1") })], true],
    ["all addresses, where the rule is for one", [redirect({ hostPort: 82 })], false],
    ["another address", [redirect({ to: "10.88.0.9" })], false],
    ["another container's", [redirect({ to: "fd00:88::3" })], false],
    [
      "both families, where only one has it",
      [redirect({ hostPort: 81 }), redirect({ hostPort: 81, to: "fd00:88::2" })],
      false,
    ],
    ["one that is there and one that is not", [redirect(), redirect({ hostPort: 83 })], false],
  ])("of %s", (_, redirects, expected) => {
    expect(hasReferenceRedirects(netlink, owner, redirects)).toBe(expected);
  });

  test("does not count what two rules have together", () => {
    addGoTable(kernel, 4, []);
    expect(hasReferenceRedirects(netlink, owner, [redirect({ to: "fd00:88::2", hostPort: 81 })])).toBe(false);
  });
});
