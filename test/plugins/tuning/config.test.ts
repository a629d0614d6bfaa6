import { describe, expect, it } from "vitest";
import { parseTuningConfig, readDataDir, type TuningConfig } from "../../../plugins/tuning/config.ts";
import type { Request } from "../../../src/cni/request.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function request(fields: object, args = ""): Request {
  const json = { cniVersion: "1.1.0", name: "net1", type: "tuning", ...fields };
  return addRequest(json, { args });
}

const parse = (fields: object, args?: string): TuningConfig => parseTuningConfig(request(fields, args));

const [A, B, C, D] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"];

describe("parseTuningConfig()", () => {
  it.each([{}, { sysctl: {}, mac: "", mtu: 0, promisc: false, dataDir: "" }, { sysctl: null, args: { cni: {} } }])(
    "asks for nothing with %j",
    (fields) => {
      const { sysctls, settings, dataDir } = parse(fields);
      expect({ sysctls, dataDir }).toEqual({ sysctls: [], dataDir: "/run/cni/tuning" });
      expect(Object.values(settings).filter((value) => value !== undefined)).toEqual([]);
    },
  );

  it("reads every field", () => {
    const fields = { mac: "02-00-00-00-00-0A", mtu: 1400, promisc: true, allmulti: false, txQLen: 0 };
    expect(parse({ ...fields, sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" }, dataDir: "/run/x" })).toEqual({
      sysctls: [{ key: "net.ipv4.conf.IFNAME.arp_filter", path: "net/ipv4/conf/eth0/arp_filter", value: "1" }],
      settings: { ...fields, mac: A },
      dataDir: "/run/x",
    });
  });

  it.each([
    [{ SYSCTL: { "net.a": "1" } }, "sysctls"],
    [{ Mac: A }, "settings"],
    [{ MTU: 1400 }, "settings"],
    [{ Promisc: true }, "settings"],
    [{ allMulti: false }, "settings"],
    [{ TxqLen: 5 }, "settings"],
    [{ DataDir: "/run/x" }, "dataDir"],
    [{ ARGS: { cni: { mac: A } } }, "settings"],
    [{ RuntimeConfig: { mac: A } }, "settings"],
  ] as const)("reads %j where it is the only field", (fields, member) => {
    expect(parse(fields)[member]).not.toEqual(parse({})[member]);
  });

  it("takes args.cni before everything, and for the MAC then runtimeConfig, CNI_ARGS and the network's own", () => {
    const own = { mac: A, mtu: 1400, promisc: true, allmulti: true, txQLen: 5, sysctl: { "net.a": "1", "net.b": "1" } };
    const asked = { mac: D, mtu: 1300, promisc: false, allmulti: false, txQLen: 6, sysctl: { "net.a": "2" } };
    const macOf = (fields: object, args?: string) => parse({ ...own, ...fields }, args).settings.mac;
    expect(macOf({})).toBe(A);
    expect(macOf({}, `IgnoreUnknown=1;X=y;MAC=${B}`)).toBe(B);
    expect(macOf({ runtimeConfig: { mac: C } }, `MAC=${B}`)).toBe(C);
    const { sysctls, settings } = parse({ ...own, runtimeConfig: { mac: C }, args: { cni: asked } }, `MAC=${B}`);
    expect(settings).toEqual({ mac: D, mtu: 1300, promisc: undefined, allmulti: false, txQLen: 6 });
    expect(sysctls.map(({ key, value }) => `${key}=${value}`)).toEqual(["net.a=2", "net.b=1"]);
    expect(parse({ args: { cni: { sysctl: { "net.a": "2" } } } }).sysctls).toHaveLength(1);
  });

  it.each([
    [
      { mac: "nonsense" },
      'Cannot use mac "nonsense": must be a hardware address such as 0a:58:0a:01:00:02, of 6 bytes, not multicast, not zero',
    ],
    [{ mtu: -1 }, "Cannot use mtu -1: must be an integer from 0 to 2147483647"],
    [
      { args: { cni: { mac: "01:00:5e:00:00:01" } } },
      'Cannot use args.cni.mac "01:00:5e:00:00:01": must be a hardware address such as 0a:58:0a:01:00:02, of 6 bytes, not multicast, not zero',
    ],
    [{ mtu: 2 ** 32 + 1500 }, "Cannot use mtu 4294968796: must be an integer from 0 to 2147483647"],
    [{ txQLen: 2 ** 32 }, "Cannot use txQLen 4294967296: must be an integer from 0 to 4294967295"],
    [{ promisc: "true" }, 'Cannot use promisc "true": must be a boolean'],
    [{ sysctl: { "net.a": 1 } }, "Cannot use sysctl.net.a 1: must be a string"],
    [{ sysctl: [] }, "Cannot use sysctl []: must be an object"],
    [{ sysctl: { "kernel.hostname": "x" } }, 'Cannot use sysctl "kernel.hostname": must be a parameter below net'],
    [{ dataDir: "/run/\0" }, 'Cannot use dataDir "/run/\\u0000": must be a path'],
    [{ args: { cni: { mtu: "1" } } }, 'Cannot use args.cni.mtu "1": must be an integer from 0 to 2147483647'],
  ])("refuses %j", (fields, message) => {
    expect(refusal(() => parse(fields))).toEqual({ code: 7, message });
  });

  it.each([
    ["MAC=x", 'ARGS: error parsing value of pair "MAC=x": must be a hardware address'],
    ["IP=10.1.2.3", 'ARGS: unknown args ["IP=10.1.2.3"]'],
  ])("refuses CNI_ARGS %s", (args, message) => {
    expect(refusal(() => parse({}, args))).toEqual({ code: 4, message });
  });
});

describe("readDataDir()", () => {
  it.each(["run", "../run/tuning", "/run/x"])("takes %s as it is", (dataDir) => {
    expect(readDataDir(request({ dataDir }))).toBe(dataDir);
    expect(parse({ dataDir }).dataDir).toBe(dataDir);
  });

  it("takes no notice of anything else in the configuration", () => {
    expect(readDataDir(request({ dataDir: "/run/x", mtu: "broken", sysctl: 5 }, "broken"))).toBe("/run/x");
  });
});
