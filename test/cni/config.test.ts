import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { parseConfig } from "../../src/cni/config.ts";
import { address, dns, integer, mac, netConf, prefix, route } from "../../src/cni/fields.ts";
import { parseJson } from "../../src/cni/json.ts";
import { parseAddress } from "../../src/ip/address.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";

const schema = z.extend(netConf(), {
  mtu: z._default(integer({ min: 0 }), 0),
  vlan: z.optional(integer({ min: 1, max: 4094 })),
  isGateway: z._default(z.boolean(), false),
  backend: z.optional(z.enum(["nftables", "iptables"])),
  hairpinMode: z.optional(z.union([z.boolean(), z.literal("auto")])),
  gateway: z.optional(address()),
  subnet: z.optional(prefix()),
  mac: z.optional(mac()),
  capabilities: z.optional(z.record(z.string(), z.boolean())),
  runtimeConfig: z.optional(z.object({ portMappings: z.array(z.object({ hostPort: integer() })) })),
  ranges: z.optional(z.array(z.array(z.object({ subnet: prefix() })))),
});

function parse(text: string) {
  return parseConfig(() => schema, parseJson(Buffer.from(text)));
}

const DEFAULTS = { name: "n", mtu: 0, isGateway: false };

describe("parseConfig", () => {
  test("fills in defaults and ignores unknown keys", () => {
    expect(parse('{"name":"n","addIf":"true","x":{"y":1.5}}')).toEqual(DEFAULTS);
  });

  test("takes null for absent at every level", () => {
    const text = '{"name":"n","mtu":null,"isGateway":null,"dns":null,"ipam":{"type":null},"capabilities":{"a":null}}';
    expect(parse(text)).toEqual({ ...DEFAULTS, ipam: {}, capabilities: {} });
  });

  test("matches keys in any case at every level that the schema names, the last of several counts", () => {
    const text = `{"NAME":"n","Mtu":1500,"mtu":1400,"RuntimeConfig":{"PORTMAPPINGS":[{"hostport":80},{"HostPort":81}]},
      "Ranges":[[{"SUBNET":"10.0.0.0/8"}]],"capabilities":{"portMappings":true,"IPS":false},"mtU":null}`;
    expect(parse(text)).toEqual({
      ...DEFAULTS,
      mtu: 1400,
      runtimeConfig: { portMappings: [{ hostPort: 80 }, { hostPort: 81 }] },
      ranges: [[{ subnet: parsePrefix("10.0.0.0/8") }]],
      capabilities: { portMappings: true, IPS: false },
    });
  });

  test("takes an empty address and an empty hardware address for unset", () => {
    expect(parse('{"name":"n","gateway":"","mac":""}')).toEqual({ ...DEFAULTS, gateway: undefined, mac: undefined });
  });

  test("turns text into values", () => {
    expect(parse('{"name":"n","gateway":"FD00::1","subnet":"10.1.2.3/16","mac":"0A-58-0A-01-00-02"}')).toEqual({
      ...DEFAULTS,
      gateway: parseAddress("fd00::1"),
      subnet: parsePrefix("10.1.2.3/16"),
      mac: "0a:58:0a:01:00:02",
    });
  });

  test.each([
    ['{"name":"n","mtu":"1500"}', 'Cannot use mtu "1500": must be an integer of at least 0'],
    ['{"name":"n","MTU":1500.0}', "Cannot use mtu 1500.0: must be an integer of at least 0"],
    ['{"name":"n","mtu":1.5e3}', "Cannot use mtu 1.5e3: must be an integer of at least 0"],
    ['{"name":"n","mtu":-1}', "Cannot use mtu -1: must be an integer of at least 0"],
    ['{"name":"n","mtu":true}', "Cannot use mtu true: must be an integer of at least 0"],
    ['{"name":"n","mtu":[]}', "Cannot use mtu []: must be an integer of at least 0"],
    [
      '{"name":"n","mtu":99999999999999999999}',
      "Cannot use mtu 100000000000000000000: must be an integer of at least 0",
    ],
    ['{"name":"n","vlan":4095}', "Cannot use vlan 4095: must be an integer from 1 to 4094"],
    ['{"name":"n","isGateway":"true"}', 'Cannot use isGateway "true": must be a boolean'],
    ['{"name":"n","isGateway":1}', "Cannot use isGateway 1: must be a boolean"],
    ['{"name":"n","backend":"ipvs"}', 'Cannot use backend "ipvs": must be one of "nftables", "iptables"'],
    ['{"name":"n","hairpinMode":"on"}', 'Cannot use hairpinMode "on": must be a boolean or "auto"'],
    ['{"name":"n","gateway":"10.1.2"}', 'Cannot use gateway "10.1.2": must be an IP address'],
    ['{"name":"n","gateway":"010.1.2.3"}', 'Cannot use gateway "010.1.2.3": must be an IP address'],
    ['{"name":"n","gateway":10}', "Cannot use gateway 10: must be an IP address"],
    ['{"name":"n","subnet":""}', 'Cannot use subnet "": must be an IP prefix such as 10.1.0.0/16'],
    ['{"name":"n","subnet":"10.1.0.0"}', 'Cannot use subnet "10.1.0.0": must be an IP prefix such as 10.1.0.0/16'],
    ['{"name":"n","mac":"0a:58"}', 'Cannot use mac "0a:58": must be a hardware address such as 0a:58:0a:01:00:02'],
    ['{"name":"n","ipam":"host-local"}', 'Cannot use ipam "host-local": must be an object'],
    ['{"name":"n","dns":{"search":"a"}}', 'Cannot use dns.search "a": must be a list'],
    ['{"name":"n","dns":{"search":["a",1]}}', "Cannot use dns.search[1] 1: must be a string"],
    ['{"name":"n","capabilities":{"a":1}}', "Cannot use capabilities.a 1: must be a boolean"],
    ['{"name":"n","ranges":[{"subnet":"10.0.0.0/8"}]}', 'Cannot use ranges[0] {"subnet":"10.0.0.0/8"}: must be a list'],
    ['{"name":"n","ranges":[[{}]]}', "Cannot find ranges[0][0].subnet: must be an IP prefix such as 10.1.0.0/16"],
    ['{"name":"n","runtimeConfig":{}}', "Cannot find runtimeConfig.portMappings: must be a list"],
    ["{}", "Cannot find name: must be a string"],
    ["[]", "Cannot use the configuration []: must be an object"],
  ])("refuses %s with code 7 and says why", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 7, message }));
  });

  test("calls a value from elsewhere by its name", () => {
    const message = 'Cannot use MAC "x": must be a hardware address such as 0a:58:0a:01:00:02';
    expect(() => parseConfig(mac, "x", "MAC")).toThrow(expect.objectContaining({ code: 7, message }));
  });

  test("cuts a long value short", () => {
    const text = `{"name":"n","isGateway":"${"x".repeat(1000)}"}`;
    const message = `Cannot use isGateway "${"x".repeat(99)}…: must be a boolean`;
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 7, message }));
  });

  test("quotes a value nested 9,998 levels deep without overflowing the stack", () => {
    const text = `{"name":"n","isGateway":${"[".repeat(9_998)}${"]".repeat(9_998)}}`;
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 7 }));
  });

  test("is not fooled by a key of Object.prototype", () => {
    expect(parse('{"name":"n","__proto__":{"isGateway":true},"constructor":1,"toString":2}')).toEqual(DEFAULTS);
  });
});

describe("dns", () => {
  test("reads all four members", () => {
    const value = { nameservers: ["10.0.0.1"], domain: "d", search: ["s"], options: ["o"] };
    expect(parseConfig(dns, value)).toEqual(value);
  });
});

describe("route", () => {
  test("keeps zeros, host bits and what is not there", () => {
    expect(parseConfig(route, { dst: "10.5.5.5/8", gw: "", mtu: 0, table: 0, scope: 253 })).toEqual({
      dst: parsePrefix("10.5.5.5/8"),
      gw: undefined,
      mtu: 0,
      table: 0,
      scope: 253,
    });
  });

  test.each([
    [{}, "Cannot find dst: must be an IP prefix such as 10.1.0.0/16"],
    [{ dst: "10.0.0.1" }, 'Cannot use dst "10.0.0.1": must be an IP prefix such as 10.1.0.0/16'],
    [{ dst: "::/0", gw: "x" }, 'Cannot use gw "x": must be an IP address'],
    [{ dst: "::/0", priority: "1" }, 'Cannot use priority "1": must be an integer from 0 to 4294967295'],
    [{ dst: "::/0", scope: 256 }, "Cannot use scope 256: must be an integer from 0 to 255"],
  ])("refuses %j", (value, message) => {
    expect(() => parseConfig(route, value)).toThrow(expect.objectContaining({ code: 7, message }));
  });
});
