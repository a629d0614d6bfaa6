import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binDir, type Call, Lab } from "../lab.ts";
import { ALL_VERSIONS, knowsCheck } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { playBoth } from "./twins.ts";

const ADDRESSES = [
  { address: "10.10.0.1/24", gateway: "10.10.0.254" },
  { address: "3ffe:ffff:0:1ff::1/64", gateway: "3ffe:ffff:0::1" },
];
const ROUTES = [{ dst: "0.0.0.0/0" }, { dst: "192.168.0.0/16", gw: "10.10.5.1" }, { dst: "3ffe:ffff:0:1ff::1/64" }];
const DNS = { nameservers: ["8.8.8.8"], domain: "example.com", search: ["example.com"] };
const IPAM = { type: "static", addresses: ADDRESSES, routes: ROUTES, dns: DNS };
const BARE = { type: "static", routes: ROUTES, dns: DNS };
const REQUESTED = ["10.10.0.9/24", "3ffe:ffff:0:1ff::9/64"];

const args = { cni: { ips: REQUESTED } };
const runtimeConfig = { ips: REQUESTED.map((ip) => ip.replace("9/", "7/")) };
const ARGUED = "IP=10.20.0.2/24,3ffe:ffff:0:2ff::2/64;GATEWAY=10.20.0.1,3ffe:ffff:0:2ff::ffff";

interface Case {
  readonly title: string;
  readonly config: object;
  readonly call?: Partial<Call>;
  /** Versions in which it fails; unless told, none. */
  readonly fails?: RegExp;
}

/** Every test of the reference's own suite, in its order. */
const CASES: readonly Case[] = [
  { title: "T1: two families, routes, DNS and gateways as given", config: { ipam: IPAM } },
  { title: "T3: IP and GATEWAY of CNI_ARGS", config: { ipam: BARE }, call: { args: ARGUED } },
  {
    title: "T4: two addresses of a family of CNI_ARGS",
    config: { ipam: BARE },
    call: { args: "IP=10.10.0.1/24,11.11.0.1/24;GATEWAY=10.10.0.254" },
    fails: /^0\.[12]/,
  },
  { title: "T5: runtimeConfig", config: { ipam: BARE, runtimeConfig } },
  { title: "T6: args", config: { ipam: BARE, args } },
  {
    title: "T7: runtimeConfig before args and CNI_ARGS",
    config: { ipam: BARE, args, runtimeConfig },
    call: { args: ARGUED },
  },
  { title: "T8: no ipam, and args", config: { args }, fails: /./ },
  { title: "T9: no ipam, and runtimeConfig", config: { runtimeConfig }, fails: /./ },
  {
    title: "T10: no length in the configuration",
    config: { ipam: { addresses: [{ address: "10.10.0.1" }] } },
    fails: /./,
  },
  { title: "T11: no length in args", config: { ipam: BARE, args: { cni: { ips: ["10.10.0.1"] } } }, fails: /./ },
  { title: "T12: no length in CNI_ARGS", config: { ipam: BARE }, call: { args: "IP=10.10.0.1" }, fails: /./ },
  {
    title: "T13: no length in runtimeConfig",
    config: { ipam: BARE, runtimeConfig: { ips: ["10.10.0.1"] } },
    fails: /./,
  },
  { title: "a gateway of CNI_ARGS that is none", config: { ipam: IPAM }, call: { args: "GATEWAY=zz" }, fails: /./ },
  {
    title: "CNI_ARGS beside configured addresses",
    config: { ipam: { ...IPAM, addresses: [] } },
    call: { args: ARGUED },
  },
  { title: "no address", config: { ipam: { type: "static" } }, fails: /^0\.[12]/ },
  { title: "an IPv4-mapped address", config: { ipam: { addresses: [{ address: "::ffff:1.2.3.4/120" }] } } },
];

describe.each(ALL_VERSIONS)("static prints what the reference prints, %s", (cniVersion) => {
  let lab: Lab;
  let netns: string;
  beforeAll(() => {
    lab = new Lab();
    netns = lab.addNamespace("c1");
  });
  afterAll(() => lab.dispose());

  function play(bin: string, { config, call }: Pick<Case, "config" | "call">, command = "ADD") {
    const whole = { cniVersion, name: "mynet", type: "bar", master: "foo0", ...config };
    const { status, stdout } = lab.plugin("static", { bin, netns, command, ...call, config: whole });
    return status === 0 ? { status, stdout } : { status, message: JSON.parse(stdout).msg };
  }

  it.each(CASES)("$title", ({ fails, ...one }) => {
    const reference = play(referenceDir(), one);
    expect(reference.status).toBe(fails?.test(cniVersion) === true ? 1 : 0);
    expect(play(binDir, one)).toEqual(reference);
    const { stdout } = reference;
    if (stdout === undefined || !knowsCheck(cniVersion)) return;
    const checked = { ...one, config: { ...one.config, prevResult: JSON.parse(stdout) } };
    const outcomes = [referenceDir(), binDir].map((bin) => play(bin, checked, "CHECK"));
    expect(outcomes).toEqual([
      { status: 0, stdout: "" },
      { status: 0, stdout: "" },
    ]);
  });

  it("T2: DEL of what was never added", () => {
    const outcomes = [referenceDir(), binDir].map((bin) => play(bin, { config: { ipam: 1 } }, "DEL"));
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[1]).toEqual({ status: 0, stdout: "" });
  });

  it("another gateway in prevResult fails CHECK", () => {
    if (!knowsCheck(cniVersion)) return;
    const result = JSON.parse(play(binDir, { config: { ipam: IPAM } }).stdout ?? "");
    const ips = [{ ...result.ips[0], gateway: "10.10.0.253" }, result.ips[1]];
    const config = { ipam: IPAM, prevResult: { ...result, ips } };
    const outcomes = [referenceDir(), binDir].map((bin) => play(bin, { config }, "CHECK"));
    expect(outcomes[0]).toEqual({
      status: 1,
      message: "static: Failed to match addr 10.10.0.1 on interface eth0",
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});

describe("static, unlike the reference,", () => {
  function ipsOf(config: object, call: Partial<Call> = {}) {
    return playBoth((side) => {
      const whole = { cniVersion: "1.1.0", name: "mynet", ...config };
      const { status, stdout } = side.lab.plugin("static", {
        ...{ bin: side.bin, netns: side.netns(), command: "ADD" },
        ...call,
        config: whole,
      });
      return status === 0 ? JSON.parse(stdout).ips : status;
    });
  }

  it("gives a requested address the gateway of the configured subnet", () => {
    const { reference, ours } = ipsOf({ ipam: IPAM, runtimeConfig: { ips: ["10.10.0.9/24"] } });
    expect(reference).toEqual([{ address: "10.10.0.9/24" }]);
    expect(ours).toEqual([{ address: "10.10.0.9/24", gateway: "10.10.0.254" }]);
  });

  it("takes GATEWAY of CNI_ARGS for configured addresses", () => {
    const ipam = { addresses: [{ address: "10.10.0.1/24" }] };
    const { reference, ours } = ipsOf({ ipam }, { args: "GATEWAY=10.10.0.254" });
    expect(reference).toEqual([{ address: "10.10.0.1/24" }]);
    expect(ours).toEqual([{ address: "10.10.0.1/24", gateway: "10.10.0.254" }]);
  });

  it("reads a key in any case", () => {
    const { reference, ours } = ipsOf({ ipam: { addresses: [{ Address: "10.10.0.1/24" }] } });
    expect(reference).toBe(1);
    expect(ours).toEqual([{ address: "10.10.0.1/24" }]);
  });

  it("finds out by CHECK that an address is missing from prevResult", () => {
    const config = { ipam: IPAM, prevResult: { cniVersion: "1.1.0", ips: [] } };
    const { reference, ours } = playBoth((side) => {
      const whole = { cniVersion: "1.1.0", name: "mynet", ...config };
      return side.lab.plugin("static", { bin: side.bin, netns: side.netns(), command: "CHECK", config: whole }).status;
    });
    expect(reference).toBe(0);
    expect(ours).toBe(1);
  });
});
