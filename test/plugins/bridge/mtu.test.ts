import { describe, expect, it } from "vitest";
import { parseBridgeConfig, readRemoval } from "../../../plugins/bridge/config.ts";
import { reportMtu } from "../../../plugins/bridge/mtu.ts";
import type { Request } from "../../../src/cni/request.ts";
import { readLink } from "../../../src/netlink/link/message.ts";
import { linkIn } from "../../netlink/captured.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function requestOf(fields: object): Request {
  const json = { cniVersion: "1.1.0", name: "net1", type: "bridge", ...fields };
  return addRequest(json);
}

describe("parseBridgeConfig()", () => {
  it.each([0, 9000, "auto"])("takes the mtu %j", (mtu) => {
    expect(parseBridgeConfig(requestOf({ mtu })).mtu).toBe(mtu);
  });

  it.each(["fast", "1500", -1, true])("refuses the mtu %j", (mtu) => {
    const { code, message } = refusal(() => parseBridgeConfig(requestOf({ mtu })));
    expect([code, message]).toEqual([7, expect.stringContaining(`Cannot use mtu ${JSON.stringify(mtu)}: must be `)]);
    expect(message).toMatch(/an integer|"auto"/);
  });
});

describe("readRemoval()", () => {
  it.each([
    [{}, { bridge: "cni0", isAskedFor: false }],
    [
      { bridge: "br0", REMOVEEMPTYBRIDGE: true },
      { bridge: "br0", isAskedFor: true },
    ],
    [
      { bridge: 7, removeEmptyBridge: "yes", mtu: "many" },
      { bridge: "cni0", isAskedFor: false },
    ],
    [
      { bridge: null, removeEmptyBridge: null },
      { bridge: "cni0", isAskedFor: false },
    ],
  ])("reads of %j what can be read", (fields, expected) => {
    expect(readRemoval(requestOf(fields))).toEqual(expected);
  });
});

describe("reportMtu()", () => {
  const bridge = { ...readLink(linkIn("get-bridge", "br0").payload), mtu: 1500 };
  const port = { ...bridge, name: "veth1" };
  const [up, down] = [{ operationalState: 6 }, { operationalState: 2 }];

  it.each([
    ["like the others'", up, 1500, 1500, 1500, ""],
    ["higher than the others'", up, 1500, 1500, 9000, "1500: packets of more than 1500 bytes"],
    ["lower than the others'", up, 1500, 1400, 1400, "1500: packets of more than 1400 bytes"],
    ["the only one, which the bridge follows", down, 1500, 9000, 9000, ""],
    [
      "the only one, of a bridge that was given another",
      down,
      1400,
      1400,
      1500,
      "1400: packets of more than 1400 bytes",
    ],
  ])("of a port whose MTU is %s", (_, state, before, now, mtu, expected) => {
    const lines: string[] = [];
    const links = {
      before: { ...bridge, ...state, mtu: before },
      now: { ...bridge, mtu: now },
      port: { ...port, mtu },
    };
    reportMtu(links, (line) => lines.push(line));
    if (expected === "") expect(lines).toEqual([]);
    else
      expect(lines).toEqual([
        expect.stringContaining(`Port "veth1" has MTU ${mtu}, bridge "br0" and its other ports ${expected}`),
      ]);
  });
});
