import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

const ipam = {
  type: "static",
  addresses: [
    { address: "10.93.0.10/24", gateway: "10.93.0.1" },
    { address: "fd00:93::10/64", gateway: "fd00:93::1" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};

const base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };

function run(command: string, config: object, more: { netns: string; containerId?: string; args?: string }): Outcome {
  return lab.plugin("bridge", { command, config: { ...base, ...config }, ...more });
}

function done(outcome: Outcome): Outcome {
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return outcome;
}

function addressesIn(netns: string): readonly string[] {
  const [link] = lab.ip("address show dev eth0 scope global", netns);
  const found: readonly { local: string; prefixlen: number }[] = Object(link).addr_info;
  // `ip` prints {} for an address that the scope leaves out.
  return found.filter(({ local }) => local !== undefined).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

describe("static under bridge", () => {
  it("gives what is configured and what is requested, and both reach each other and the gateway", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    done(run("ADD", {}, { netns: first }));
    const runtimeConfig = { ips: ["10.93.0.77/24", "fd00:93::77/64"] };
    const { stdout } = done(run("ADD", { runtimeConfig }, { netns: second, containerId: "c2" }));
    expect(JSON.parse(stdout)).toMatchObject({
      ips: [
        { address: "10.93.0.77/24", gateway: "10.93.0.1", interface: 2 },
        { address: "fd00:93::77/64", gateway: "fd00:93::1", interface: 2 },
      ],
      routes: ipam.routes,
    });
    expect(addressesIn(first)).toEqual(["10.93.0.10/24", "fd00:93::10/64"]);
    expect(addressesIn(second)).toEqual(["10.93.0.77/24", "fd00:93::77/64"]);
    for (const target of ["10.93.0.77", "fd00:93::77", "10.93.0.1", "fd00:93::1"])
      lab.run(["ping", "-n", "-c1", "-W10", target], first);
    const prevResult = JSON.parse(stdout);
    done(run("CHECK", { runtimeConfig, prevResult }, { netns: second, containerId: "c2" }));
    done(run("DEL", {}, { netns: second, containerId: "c2" }));
    expect(lab.ip("link show", second)).toHaveLength(1);
  });

  it("takes addresses of CNI_ARGS beside a key of somebody else's", () => {
    const netns = lab.addNamespace("c1");
    const args = "IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.93.0.5/24;GATEWAY=10.93.0.1";
    done(run("ADD", { ipam: { type: "static" } }, { netns, args }));
    expect(addressesIn(netns)).toEqual(["10.93.0.5/24"]);
    lab.run(["ping", "-n", "-c1", "-W10", "10.93.0.1"], netns);
  });

  it.each([
    ["no address", { type: "static" }, 108],
    ["an address that is none", { type: "static", addresses: [{ address: "10.93.0.10" }] }, 7],
  ])("leaves nothing of an ADD with %s", (_, broken, code) => {
    const netns = lab.addNamespace("c1");
    const outcome = run("ADD", { ipam: broken }, { netns });
    expect([outcome.status, JSON.parse(outcome.stdout).code]).toEqual([1, code]);
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(lab.ip("link show")).toHaveLength(1);
    done(run("DEL", { ipam: broken }, { netns }));
  });
});
