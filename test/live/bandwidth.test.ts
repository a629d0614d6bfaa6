import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { refuseEach, refusing } from "./refusing.ts";
import { measureThroughput } from "./throughput.ts";

const MBIT = 1_000_000;

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

/** Both ends of the network of `attach`. */
const inside = { address: "10.88.0.2", link: "eth0" };
const outside = { address: "10.88.0.1", link: "br-eth0" };

type Config = Readonly<Record<string, unknown>>;

/** Bursts of a tenth of a second: a sender that the machine lets wait that long loses nothing of its rate. */
const limits = { ingressRate: 24 * MBIT, ingressBurst: 2.4 * MBIT, egressRate: 12 * MBIT, egressBurst: 1.2 * MBIT };

/** The network without its plugins. */
const net = (name = "net1") => ({ cniVersion: "1.1.0", name });

/** A container on a bridge, and bandwidth's configuration behind that in the list. */
function attach(own: Config, { id = "c1", ifname = "eth0", name = "net1", subnet = "10.88.0.0/24" } = {}) {
  const netns = ifname === "eth0" ? lab.addNamespace(id) : `/run/netns/${lab.id}-${id}`;
  const ipam = { type: "host-local", dataDir: lab.dataDir, subnet };
  const bridge = { ...net(name), type: "bridge", bridge: `br-${ifname}`, isGateway: true, ipam };
  const call = { containerId: id, netns, ifname };
  const { stdout, status } = lab.plugin("bridge", { command: "ADD", config: bridge, ...call });
  expect(status, stdout).toBe(0);
  const prevResult = JSON.parse(stdout);
  return { netns, call, prevResult, config: { ...net(name), type: "bandwidth", ...own, prevResult } };
}

function run(
  command: string,
  { call, config }: { call: Partial<Call>; config: Config },
  more: Partial<Call> = {},
): Outcome {
  return lab.plugin("bandwidth", { command, config, ...call, ...more });
}

/** ADD; its result is what CHECK and DEL of the same attachment get as prevResult. */
function add<T extends ReturnType<typeof attach>>(attachment: T): T {
  const { status, stdout } = run("ADD", attachment);
  expect(status, stdout).toBe(0);
  return { ...attachment, config: { ...attachment.config, prevResult: JSON.parse(stdout) } };
}

function refusal(outcome: Outcome): { code: number; msg: string; details?: string } {
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

const hostEnd = ({ prevResult }: ReturnType<typeof attach>): string => prevResult.interfaces[1].name;

/** The host's IFBs and what attachments they say they belong to. */
function ifbs(): string[] {
  const links = lab.ip("link show type ifb").map((link) => Object(link));
  return links.map(({ ifalias = "", ifname }) => `${ifname}${/(, net: .*)/.exec(ifalias)?.[1] ?? ""}`).sort();
}

/** The kinds of qdiscs that were put on a link of the host's. */
function qdiscs(link: string): string[] {
  return lab.run(["tc", "qdisc", "show", "dev", link]).match(/(?<=^qdisc )\w+ [\w]+(?=:)/gm) ?? [];
}

describe("bandwidth ADD", () => {
  it("limits what a container receives and what it sends, each to within 15 %", async () => {
    const attachment = add(attach(limits));
    const { netns } = attachment;
    const window = [500, 2000] as const;
    const received = await measureThroughput(lab, { from: lab.host, to: netns, ...inside, window });
    const sent = await measureThroughput(lab, { from: netns, to: lab.host, ...outside, window });
    expect(received / limits.ingressRate).toBeGreaterThan(0.85);
    expect(received / limits.ingressRate).toBeLessThan(1.15);
    expect(sent / limits.egressRate).toBeGreaterThan(0.85);
    expect(sent / limits.egressRate).toBeLessThan(1.15);
  });

  it("without limits passes the result on and limits nothing", async () => {
    const attachment = attach({ ingressRate: 0, ingressBurst: 0 });
    expect(JSON.parse(run("ADD", attachment).stdout)).toEqual(attachment.prevResult);
    expect(ifbs()).toEqual([]);
    expect(qdiscs(hostEnd(attachment))).toEqual(["noqueue 0"]);
    const flow = { from: attachment.netns, to: lab.host, ...outside, window: [100, 400] as const };
    expect(await measureThroughput(lab, flow)).toBeGreaterThan(3 * limits.ingressRate);
  });

  it("appends the IFB, whose alias says whose it is, to the result", () => {
    const attachment = attach(limits);
    const result = JSON.parse(run("ADD", attachment).stdout);
    const [name = "", ...others] = lab.ip("link show type ifb").map((link) => Object(link).ifname);
    expect(others).toEqual([]);
    const [link] = lab.ip(`link show dev ${name}`).map((each) => Object(each));
    const ifb = { name, mac: link.address, mtu: 1500 };
    expect(result).toEqual({ ...attachment.prevResult, interfaces: [...attachment.prevResult.interfaces, ifb] });
    expect(name).toMatch(/^bwp[0-9a-f]{12}$/);
    expect(ifbs()).toEqual([`${name}, net: net1, if: eth0, id: c1`]);
  });

  it("takes a runtime's limits with containerd's keys and longest burst", () => {
    const bandwidth = { IngressRate: 10 * MBIT, IngressBurst: 4294967295, EgressRate: 0, EgressBurst: 0 };
    const attachment = add(attach({ runtimeConfig: { bandwidth } }));
    expect(lab.run(["tc", "qdisc", "show", "dev", hostEnd(attachment)])).toContain("rate 10Mbit burst 343597");
    expect(ifbs()).toEqual([]);
    expect(run("CHECK", attachment)).toMatchObject({ status: 0, stdout: "" });
  });

  it("limits each interface of a container by an IFB of its own", () => {
    const first = add(attach(limits));
    const second = add(attach(limits, { ifname: "eth1", subnet: "10.89.0.0/24" }));
    expect(
      ifbs()
        .map((text) => text.replace(/^\w+, /, ""))
        .sort(),
    ).toEqual(["net: net1, if: eth0, id: c1", "net: net1, if: eth1, id: c1"]);
    for (const attachment of [first, second]) expect(run("CHECK", attachment)).toMatchObject({ status: 0, stdout: "" });
    expect(run("DEL", first)).toMatchObject({ status: 0, stdout: "" });
    expect(ifbs()).toEqual([expect.stringContaining("if: eth1")]);
    expect(run("CHECK", second)).toMatchObject({ status: 0, stdout: "" });
  });

  it("replaces the IFB of an earlier attachment of the same name, whose DEL never came", () => {
    const first = add(attach(limits));
    lab.deleteNamespace(first.netns);
    fs.rmSync(lab.dataDir, { recursive: true });
    const second = add(attach(limits));
    expect(ifbs()).toHaveLength(1);
    expect(run("CHECK", second)).toMatchObject({ status: 0, stdout: "" });
  });

  it("leaves nothing when it fails, and what somebody else has set up as it was", () => {
    const attachment = attach(limits);
    const link = hostEnd(attachment);
    lab.run(["tc", "qdisc", "add", "dev", link, "clsact"]);
    expect(refusal(run("ADD", attachment))).toEqual({
      code: 107,
      msg: `Cannot add an ingress qdisc to link "${link}": File exists (Exclusivity flag on, cannot modify)`,
      details: `somebody else controls its traffic: see "tc qdisc show dev ${link}"`,
    });
    expect(qdiscs(link)).toEqual(["noqueue 0", "clsact ffff"]);
    expect(ifbs()).toEqual([]);
  });

  it("leaves nothing, whichever request the kernel refuses, and works the next time", () => {
    const attachment = attach(limits);
    const requests = refuseEach(
      (which) => run("ADD", attachment, refusing(which)),
      (outcome, which) => {
        if (outcome.status === 0) return;
        expect(outcome.stderr, `request ${which}`).toBe("");
        expect([qdiscs(hostEnd(attachment)), ifbs()], `request ${which}`).toEqual([["noqueue 0"], []]);
      },
    );
    expect(requests).toBeGreaterThan(8);
    expect(qdiscs(hostEnd(attachment))).toEqual(["tbf 1", "ingress ffff"]);
  });

  it("leaves the limits of a running container as they are when it is called again", () => {
    const attachment = add(attach(limits));
    expect(refusal(run("ADD", attachment))).toMatchObject({ code: 107 });
    expect(run("CHECK", attachment)).toMatchObject({ status: 0, stdout: "" });
  });

  it("warns of a burst that is shorter than a packet", () => {
    const attachment = attach({ ingressRate: MBIT, ingressBurst: 8_000 });
    const { status, stderr } = run("ADD", attachment);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `ingressBurst is 1000 bytes, less than the 1500 of ${hostEnd(attachment)}'s MTU: longer packets will be dropped\n`,
    });
  });

  it.each([
    ["there is no prevResult", { prevResult: undefined }, "must be called as chained plugin"],
    ["prevResult has no interfaces", { prevResult: { cniVersion: "1.1.0" } }, "no interfaces provided"],
    [
      "prevResult has other interfaces",
      { prevResult: { cniVersion: "1.1.0", interfaces: [{ name: "veth0" }] } },
      "no veth peer of container interface found in host ns",
    ],
  ])("refuses with code 7 where %s", (_, more, msg) => {
    const { call, config } = attach(limits);
    expect(refusal(run("ADD", { call, config: { ...config, ...more } }))).toMatchObject({ code: 7, msg });
    expect(ifbs()).toEqual([]);
  });

  it("refuses with code 7 an interface that is no veth", () => {
    const { call, config, netns } = attach(limits);
    lab.run(["ip", "link", "add", "eth9", "type", "bridge"], netns);
    const msg = "container interface eth9 has no veth peer: it is a bridge";
    expect(refusal(run("ADD", { call: { ...call, ifname: "eth9" }, config }))).toMatchObject({ code: 7, msg });
  });
});

describe("bandwidth DEL", () => {
  it("ends the limits of a container that goes on, twice, whatever the configuration says by then", () => {
    const attachment = add(attach(limits));
    const config = { ...net(), ingressRate: "broken" };
    for (let i = 0; i < 2; i++) expect(run("DEL", { ...attachment, config })).toMatchObject({ status: 0, stdout: "" });
    expect(ifbs()).toEqual([]);
    expect(qdiscs(hostEnd(attachment))).toEqual(["noqueue 0"]);
    lab.run(["ping", "-n", "-c1", "-W5", "10.88.0.1"], attachment.netns);
  });

  it.each([
    ["no namespace's path", ""],
    ["a path that is gone", "/run/netns/gone"],
  ])("with %s removes the IFB by its name", (_, netns) => {
    const { call } = add(attach(limits));
    expect(run("DEL", { call: { ...call, netns }, config: net() })).toMatchObject({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(ifbs()).toEqual([]);
  });

  it("lets a container send again whose IFB is gone", () => {
    const attachment = add(attach(limits));
    lab.run(["ip", "link", "del", ifbs()[0]?.split(",")[0] ?? ""]);
    const ping = (seconds: number) =>
      lab.try(["ping", "-n", "-c1", `-W${seconds}`, "10.88.0.1"], attachment.netns).status;
    expect(ping(1)).not.toBe(0);
    expect(run("DEL", attachment)).toMatchObject({ status: 0, stdout: "" });
    // The first one's question for the MAC is put again once a second.
    expect(ping(5)).toBe(0);
  });

  it("does all the rest, whichever request the kernel refuses, and the next one what is left", () => {
    const attachment = attach(limits);
    const requests = refuseEach(
      (which) => {
        expect(run("ADD", attachment).status).toBe(0);
        return run("DEL", attachment, refusing(which));
      },
      (outcome, which) => {
        if (outcome.status !== 0) expect(run("DEL", attachment), `request ${which}`).toMatchObject({ status: 0 });
        expect([qdiscs(hostEnd(attachment)), ifbs()], `request ${which}`).toEqual([["noqueue 0"], []]);
      },
    );
    expect(requests).toBeGreaterThan(6);
  });

  it("leaves a qdisc of somebody else's, and another attachment's IFB", () => {
    const other = add(attach(limits, { id: "c2" }));
    const attachment = attach({});
    lab.run(["tc", "qdisc", "add", "dev", hostEnd(attachment), "root", "handle", "7:", "pfifo"]);
    lab.run(["tc", "qdisc", "add", "dev", hostEnd(attachment), "ingress"]);
    expect(run("DEL", attachment)).toMatchObject({ status: 0, stdout: "" });
    expect(qdiscs(hostEnd(attachment))).toEqual(["pfifo 7", "ingress ffff"]);
    expect(run("CHECK", other)).toMatchObject({ status: 0, stdout: "" });
  });
});

describe("bandwidth CHECK", () => {
  it("names everything that differs", () => {
    const attachment = add(attach(limits));
    const link = hostEnd(attachment);
    const [ifb = ""] = ifbs().map((text) => text.split(",")[0]);
    lab.run(["tc", "qdisc", "del", "dev", link, "root"]);
    lab.run(["tc", "filter", "del", "dev", link, "parent", "ffff:"]);
    lab.run(["ip", "link", "set", ifb, "down"]);
    lab.run([
      "tc",
      "qdisc",
      "change",
      "dev",
      ifb,
      "root",
      "tbf",
      "rate",
      "8mbit",
      "burst",
      "150000",
      "limit",
      "187500",
    ]);
    const reported = attachment.config.prevResult.interfaces.at(-1);
    const { mac } = reported;
    reported.mac = "02:00:00:00:00:01";
    expect(refusal(run("CHECK", attachment))).toEqual({
      code: 104,
      msg: [
        `Link "${link}" has qdisc noqueue, expected tbf to limit ingress`,
        `IFB "${ifb}" has MAC ${mac}, expected 02:00:00:00:00:01`,
        `IFB "${ifb}" is down, expected up`,
        `Link "${link}" does not redirect what it receives to IFB "${ifb}"`,
        `Link "${ifb}" limits egress with rate 1000000, expected 1500000`,
        `Link "${ifb}" limits egress with buffer 2343750, expected 1562500`,
      ].join("; "),
    });
  });

  it("names an IFB that is gone, and an interface that is gone", () => {
    const attachment = add(attach(limits));
    lab.run(["ip", "link", "del", ifbs()[0]?.split(",")[0] ?? ""]);
    expect(refusal(run("CHECK", attachment))).toMatchObject({
      code: 104,
      msg: expect.stringMatching(/^IFB "\w+" is missing$/),
    });
    lab.run(["ip", "link", "del", "eth0"], attachment.netns);
    expect(refusal(run("CHECK", attachment))).toEqual({
      code: 104,
      msg: "container interface eth0 has no veth peer: it is missing",
    });
  });
});

describe("bandwidth GC", () => {
  it("removes the IFBs of this network's attachments that are not valid, and none without a list", () => {
    for (const id of ["c1", "c2"]) add(attach(limits, { id }));
    add(attach(limits, { id: "c3", name: "net2" }));
    lab.run(["ip", "link", "add", "bwp0", "type", "ifb"]);
    const gc = (list: unknown) => {
      const config = { ...net(), "cni.dev/valid-attachments": list };
      expect(run("GC", { call: { containerId: "", ifname: "" }, config })).toMatchObject({ status: 0, stdout: "" });
      return ifbs()
        .map((text) => /id: (\w+)/.exec(text)?.[1])
        .sort();
    };
    expect(gc(undefined)).toEqual(["c1", "c2", "c3", undefined]);
    expect(gc([{ containerID: "c2", ifname: "eth0" }])).toEqual(["c2", "c3", undefined]);
    expect(gc([])).toEqual(["c3", undefined]);
  });
});

describe("bandwidth STATUS", () => {
  it("is well on this kernel, and makes nothing", () => {
    const before = lab.run(["tc", "qdisc", "show"]);
    expect(run("STATUS", { call: {}, config: { ...net(), ...limits } })).toMatchObject({ status: 0, stdout: "" });
    expect(lab.run(["tc", "qdisc", "show"])).toBe(before);
    expect(ifbs()).toEqual([]);
  });

  it("refuses limits that ADD would refuse", () => {
    const config = { ...net(), egressRate: 8000 };
    expect(refusal(run("STATUS", { call: {}, config }))).toEqual({
      code: 7,
      msg: "if rate is set, burst must also be set",
      details: "found egressRate 8000 and egressBurst 0",
    });
  });
});
