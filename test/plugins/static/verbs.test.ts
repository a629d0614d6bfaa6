import { describe, expect, it } from "vitest";
import { configuration } from "../../../plugins/static/configuration.ts";
import { plugin } from "../../../plugins/static/main.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import type { Result } from "../../../src/cni/result.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { fakeHost } from "../../steps/fake-host.ts";

type Verb = Request["command"];

const ipam = {
  type: "static",
  addresses: [{ address: "10.10.0.5/24", gateway: "10.10.0.1" }, { address: "fd00::5/64" }],
};

function call(command: Verb, fields: object): { readonly request: Request; readonly logged: string[] } {
  const logged: string[] = [];
  const json = { cniVersion: "1.1.0", name: "net1", ...fields };
  const request = createRequest(command, {
    network: { name: "net1", json },
    version: "1.1.0",
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0" },
    log: (line) => logged.push(line),
  });
  return { request, logged };
}

function add(fields: object): { readonly result: Result; readonly logged: readonly string[] } {
  const { request, logged } = call("ADD", fields);
  return { result: plugin.add(request, fakeHost()), logged };
}

function check(ips: readonly object[], fields: object = {}): void {
  const prevResult = { cniVersion: "1.1.0", interfaces: [], ips };
  plugin.check(call("CHECK", { ipam, prevResult, ...fields }).request, fakeHost());
}

describe("static", () => {
  it("ADD reports no interface, and has nothing to log", () => {
    const { result, logged } = add({ ipam });
    expect(result).toMatchObject({ interfaces: [], routes: [], dns: {} });
    expect(result.ips.map(({ address }) => formatPrefix(address))).toEqual(["10.10.0.5/24", "fd00::5/64"]);
    expect(result.ips.map(({ gateway }) => gateway && formatAddress(gateway))).toEqual(["10.10.0.1", undefined]);
    expect(logged).toEqual([]);
  });

  it("ADD logs a gateway outside its subnet, and that there is no address", () => {
    const outside = { addresses: [{ address: "10.10.0.5/24", gateway: "10.11.0.1" }] };
    expect(add({ ipam: outside }).logged).toEqual([
      'Gateway 10.11.0.1 of network "net1" is outside its subnet 10.10.0.0/24: the container reaches it only by a route of its own',
    ]);
    expect(add({ ipam: { addresses: [{ address: "10.10.0.5/32", gateway: "10.11.0.1" }] } }).logged).toEqual([]);
    expect(add({ ipam: {} }).logged).toEqual([
      'static has no address for network "net1": set ipam.addresses, or let the runtime request "ips"',
    ]);
  });

  it("ADD logs a misspelt key of ipam, and leaves those outside to the plugin that calls it", () => {
    const { logged } = add({ ipam: { ...ipam, adresses: [] }, runtimeConfg: {} });
    expect(logged).toEqual(['Key "ipam.adresses" of network "net1" is unknown and ignored: did you mean "addresses"?']);
  });

  it("CHECK wants each address in prevResult, with its gateway if it has one", () => {
    const second = { address: "fd00::5/64", gateway: "fd00::1" };
    const wrong = (gateway?: string) => () => check([{ address: "10.10.0.5/24", gateway }, second]);
    check([{ address: "10.10.0.5/24", gateway: "10.10.0.1" }, second, { address: "10.66.0.1/24" }]);
    const message = "static: Failed to match addr 10.10.0.5 on interface eth0";
    const details =
      "expected 10.10.0.5/24 with gateway 10.10.0.1; prevResult has 10.10.0.5/24 with gateway 10.10.0.2, fd00::5/64 with gateway fd00::1";
    expect(wrong("10.10.0.2")).toThrow(expect.objectContaining({ message, code: 104, details }));
    expect(wrong()).toThrow(message);
    expect(() => check([second])).toThrow(message);
    expect(() => check([{ address: "10.10.0.6/24", gateway: "10.10.0.1" }, second])).toThrow(message);
    expect(() => check([])).toThrow(
      expect.objectContaining({
        message: "static: Failed to match addr 10.10.0.5, fd00::5 on interface eth0",
        details: "expected 10.10.0.5/24 with gateway 10.10.0.1, fd00::5/64; prevResult has none",
      }),
    );
  });

  it("CHECK takes a requested address without the gateway that it would get now", () => {
    check([{ address: "10.10.0.9/24" }], { runtimeConfig: { ips: ["10.10.0.9/24"] } });
  });

  it("CHECK needs prevResult", () => {
    expect(() => plugin.check(call("CHECK", { ipam }).request, fakeHost())).toThrow("Required prevResult missing");
  });

  it("DEL and GC succeed with any configuration, STATUS with one that ADD takes", () => {
    plugin.del(call("DEL", { ipam: 1 }).request, fakeHost());
    plugin.gc?.(call("GC", { ipam: 1, "cni.dev/valid-attachments": [] }).request, fakeHost());
    const spoiled = call("GC", { "cni.dev/valid-attachments": 1 });
    expect(() => plugin.gc?.(spoiled.request, fakeHost())).toThrow("cni.dev/valid-attachments");
    plugin.status?.(call("STATUS", { ipam: { type: "static" } }).request, fakeHost());
    const broken = call("STATUS", { ipam: { addresses: [{ address: "10.10.0.5" }] } });
    expect(() => plugin.status?.(broken.request, fakeHost())).toThrow("expected to be in CIDR notation");
  });

  it("validates its part of a network, ipam", () => {
    const { place, schema, parse } = configuration();
    expect([plugin.name, place]).toEqual(["static", "ipam"]);
    expect([{ ipam }, { ipam: 1 }].map((json) => schema().safeParse(json).success)).toEqual([true, false]);
    expect(parse(call("ADD", { ipam }).request)).toEqual({});
    const bare = { addresses: [{ address: "10.10.0.5" }] };
    expect(() => parse(call("ADD", { ipam: bare }).request)).toThrow("expected to be in CIDR notation");
  });
});
