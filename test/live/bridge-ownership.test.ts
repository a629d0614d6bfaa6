import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;
let config: Readonly<Record<string, unknown>>;
let one: string;
let two: string;

/** Two containers on one bridge. */
beforeEach(() => {
  lab = new Lab();
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipam };
  one = lab.addNamespace("one");
  two = lab.addNamespace("two");
  call("ADD", "one", one);
  call("ADD", "two", two);
});

afterEach(() => lab.dispose());

function call(command: string, containerId: string, netns: string): void {
  const outcome = lab.plugin("bridge", { command, config, containerId, netns });
  expect(outcome, outcome.stdout).toMatchObject({ status: 0, stderr: "" });
}

/** The index of a container's port on the host. */
function portOf(containerId: string): number | undefined {
  const ports = lab.ip("link show type veth").map(Object);
  const port = ports.find(({ ifalias }) => ifalias.endsWith(`id: ${containerId}`));
  return port?.ifindex;
}

function nameOf(index: number | undefined): string {
  return Object(lab.ip("link show type veth").find((link) => Object(link).ifindex === index)).ifname;
}

function leases(): string[] {
  return lab.leases("net1").filter((name) => /^10[.]/.test(name));
}

/** Nothing of the first container is left, and the second is as it was. */
function expectOneGone(): void {
  expect([portOf("one"), portOf("two")]).toEqual([undefined, expect.any(Number)]);
  expect(leases()).toEqual(["10.88.0.3"]);
  expect(lab.run(["nft", "list", "ruleset"])).not.toContain("id: one");
  lab.run(["ping", "-c1", "-W5", "10.88.0.1"], two);
}

describe("bridge DEL touches no other container's interface", () => {
  it("where the path leads to another container by now", () => {
    call("DEL", "one", two);
    expectOneGone();
  });

  it("for a container that was never attached", () => {
    call("DEL", "three", two);
    expect(leases()).toEqual(["10.88.0.2", "10.88.0.3"]);
    lab.run(["ping", "-c1", "-W5", "10.88.0.1"], two);
    call("DEL", "one", one);
    expectOneGone();
  });

  it.each<[string, string]>([
    ["renamed its interface", "ip link set eth0 down; ip link set eth0 name was0"],
    ["put a bridge in its place", "ip link set eth0 down; ip link set eth0 name was0; ip link add eth0 type bridge"],
    [
      "put a veth in its place",
      "ip link set eth0 down; ip link set eth0 name was0; ip link add eth0 type veth peer name x",
    ],
    [
      "gave lo its name too",
      "ip link set eth0 down; ip link set eth0 name was0; ip link property add dev lo altname eth0",
    ],
    [
      "renamed lo to it",
      "ip link set eth0 down; ip link set eth0 name was0; ip link set lo down; ip link set lo name eth0",
    ],
  ])("and its own goes, where the container has %s", (_, commands) => {
    lab.run(["sh", "-ec", commands], one);
    call("DEL", "one", one);
    expectOneGone();
    call("DEL", "one", one);
  });

  it("and its own goes, where the container has made a veth with the numbers of another's", () => {
    const other = portOf("two");
    const inside = Object(lab.ip("link show dev eth0", two)[0]).ifindex;
    lab.run(["sh", "-ec", "ip link set eth0 down; ip link set eth0 name was0"], one);
    const pair = ["index", `${inside + 100}`, "type", "veth", "peer", "name", "y", "index", `${other}`];
    lab.run(["ip", "link", "add", "eth0", ...pair], one);
    call("DEL", "one", one);
    expectOneGone();
  });

  it("that a Go plugin made, where prevResult names another port", () => {
    const [port, other] = ["two", "one"].map((id) => nameOf(portOf(id)));
    lab.run(["ip", "link", "set", "dev", port ?? "", "alias", ""]);
    const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "br0" }, { name: other }] };
    const outcome = lab.plugin("bridge", {
      command: "DEL",
      config: { ...config, prevResult },
      containerId: "three",
      netns: two,
    });
    expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
    lab.run(["ping", "-c1", "-W5", "10.88.0.1"], two);
  });

  it("that a Go plugin made, but its own: a port without alias goes by the interface's name", () => {
    const port = nameOf(portOf("one"));
    lab.run(["ip", "link", "set", "dev", port, "alias", ""]);
    call("DEL", "one", one);
    expectOneGone();
  });
});
