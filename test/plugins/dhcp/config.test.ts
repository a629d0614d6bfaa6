import { describe, expect, it } from "vitest";
import { parseDhcp, readSocket } from "../../../plugins/dhcp/config.ts";
import { addRequest } from "../request.ts";

function parse(ipam: object | undefined, args = "") {
  return parseDhcp(addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge", ipam }, { args }));
}

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("parseDhcp()", () => {
  it("fills in what is not set", () => {
    const { client, ...rest } = parse({ type: "dhcp" });
    expect(rest).toEqual({ socket: "/run/cni/dhcp.sock", families: [4], priority: undefined, timeout: 60 });
    expect(client).toMatchObject({ requested: [1, 121, 3, 33, 6, 15, 26, 119], broadcast: false });
    expect(text(client.clientId)).toBe("\0c1/net1/eth0");
    expect(client.provided.size).toBe(0);
    expect(parse({ daemonSocketPath: "" }).socket).toBe("/run/cni/dhcp.sock");
  });

  it("asks for IPv4 first, and refuses families that it does not know", () => {
    expect(parse({ families: [6, 4] }).families).toEqual([4, 6]);
    expect(parse({ families: [6] }).families).toEqual([6]);
    for (const families of [[], [4, 4], [4, 5]])
      expect(() => parse({ families })).toThrow(
        expect.objectContaining({
          code: 7,
          message: `Cannot use ipam.families ${JSON.stringify(families)}: must be [4], [6] or [4, 6]`,
        }),
      );
  });

  it("cuts the identifier after 254 bytes of text", () => {
    const request = addRequest({ name: "n", ipam: {} }, { network: "n".repeat(400) });
    expect(parseDhcp(request).client.clientId).toHaveLength(255);
  });

  it("Y6: sends what CNI_ARGS has instead of the value, and knows names and numbers of options", () => {
    const provide = [
      { option: "host-name", value: "plain" },
      { option: "60", value: "value", fromArg: "CLASS" },
      { option: "user-class", fromArg: "NONE" },
      { option: "dhcp-client-identifier", value: "me" },
    ];
    const { client } = parse({ provide }, "K8S;CLASS=arg;A=b=c");
    expect([...client.provided].map(([code, value]) => [code, text(value)])).toEqual([
      [12, "plain"],
      [60, "arg"],
      [61, "me"],
    ]);
    expect(text(client.clientId)).toBe("me");
  });

  it.each([
    [[{ option: "42" }], [42, 1, 121, 3, 33, 6, 15, 26, 119]],
    [
      [{ option: "121" }, { option: "routers" }],
      [121, 3, 1, 33, 6, 15, 26, 119],
    ],
    [
      [{ option: "121", skipDefault: true }, { option: "1" }],
      [121, 1],
    ],
    [[{ skipDefault: true }], [1, 3, 15, 6]],
  ])("asks for %j", (request, expected) => {
    expect(parse({ request }).client.requested).toEqual(expected);
  });

  it.each([
    [undefined, "IPAM config missing 'ipam' key"],
    [{ provide: [{ option: "nope", value: "x" }] }, 'Can not parse option "nope"'],
    [{ provide: [{ option: "255" }] }, 'Can not parse option "255"'],
    [{ provide: [{ option: "constructor", value: "x" }] }, 'Can not parse option "constructor"'],
    [{ provide: [{ option: "53", value: "x" }] }, 'Cannot provide option "53": the client sets it itself'],
    [{ provide: [{ option: "12", value: "x".repeat(256) }] }, 'value too long for option "12"'],
    [{ request: [{ option: "" }] }, 'Can not parse option ""'],
    [{ request: [{}] }, 'Can not parse option ""'],
    [{ daemonSocketPath: "run/dhcp.sock" }, "daemonSocketPath"],
    [{ timeout: 0 }, "timeout"],
    [{ timeout: 209 }, "timeout"],
    [{ priority: -1 }, "priority"],
    [{ provide: "all" }, "provide"],
  ])("refuses %j with code 7", (ipam, message) => {
    expect(() => parse(ipam)).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(message) }));
  });
});

it("readSocket() reads the socket alone, whatever the rest is", () => {
  expect(readSocket({ config: { ipam: { daemonSocketPath: "/x", provide: 1, timeout: "a" } } })).toBe("/x");
  expect(readSocket({ config: {} })).toBe("/run/cni/dhcp.sock");
});
