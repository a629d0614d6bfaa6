import { describe, expect, test } from "vitest";
import type { TracedCall } from "../../../src/cni/call-trace.ts";
import { callJson } from "../../../src/cnictl/trace/json.ts";
import { formatCompact, formatInput, formatOutcome, formatSummary } from "../../../src/cnictl/trace/report.ts";

const input = { cniVersion: "1.0.0", name: "net1", type: "bridge" };

const IPAM: TracedCall = {
  ...{ plugin: "host-local", command: "ADD", executable: "/opt/cni/bin/host-local", input },
  ...{ milliseconds: 1.234, output: { ips: [] }, stderr: "", exitCode: 0, phases: { other: 1.234 }, steps: [] },
};

const BRIDGE: TracedCall = {
  ...{ plugin: "bridge", command: "ADD", executable: "/opt/cni/bin/bridge", input },
  ...{ milliseconds: 6.5, output: { code: 106, msg: "Cannot add bridge" }, stderr: "first\nsecond\n", exitCode: 1 },
  phases: { ipam: 1.3, links: 2.004, locks: 0.001, other: 3.195 },
  steps: [
    { at: 0.5, milliseconds: 0.02, phase: "locks", kind: "flock", action: "lock the host's bridges, shared" },
    { at: 1, milliseconds: 1.3, phase: "ipam", kind: "plugin", action: "ADD of host-local", call: IPAM },
    {
      ...{ at: 2.25, milliseconds: 0.1, phase: "netfilter", kind: "transaction", action: "make a table" },
      requests: [
        { kind: "NFT_MSG_NEWTABLE", action: "add nftables table demo" },
        {
          kind: "NFT_MSG_NEWCHAIN",
          action: "add chain",
          error: { errno: "EPERM", message: "Operation not permitted" },
        },
      ],
    },
    {
      ...{ at: 3, milliseconds: 2, phase: "links", kind: "RTM_NEWLINK", action: 'add veth "eth0"', inside: true },
      error: { errno: "EINVAL", message: "Invalid argument", kernel: "mtu greater than device maximum" },
    },
  ],
};

const GO: TracedCall = {
  ...{ plugin: "dhcp", command: "DEL", executable: "/opt/cni/bin/dhcp", input: "no JSON\n" },
  ...{ milliseconds: 20, output: undefined, stderr: "", exitCode: undefined, signal: 9 },
};

test("formatOutcome() has the requests with their answers, the plugins that it called below it, output and time", () => {
  expect(formatInput(BRIDGE) + formatOutcome(BRIDGE)).toBe(`ADD of bridge (/opt/cni/bin/bridge)
Input:
  { "cniVersion": "1.0.0", "name": "net1", "type": "bridge" }
Requests:
       AT       MS  NETNS      REQUEST             ANSWER       WHAT
     0.50     0.02  host       flock               ok           lock the host's bridges, shared
     1.00     1.30  host       plugin              exit code 0  ADD of host-local
     2.25     0.10  host       transaction         ok           make a table
                                 NFT_MSG_NEWTABLE  ok           add nftables table demo
                                 NFT_MSG_NEWCHAIN  EPERM        add chain: Operation not permitted
     3.00     2.00  container  RTM_NEWLINK         EINVAL       add veth "eth0": Invalid argument; mtu greater than device maximum
  ADD of host-local (/opt/cni/bin/host-local)
  Input:
    that of bridge
  Output:
    { "ips": [] }
  exit code 0 after 1.23 ms: other 1.23
Standard error:
  first
  second
Output:
  { "code": 106, "msg": "Cannot add bridge" }
exit code 1 after 6.50 ms: ipam 1.30, links 2.00, other 3.19
`);
});

test("formatOutcome() says that the requests of another executable are not traced, and how it ended", () => {
  expect(formatInput(GO) + formatOutcome(GO)).toBe(`DEL of dhcp (/opt/cni/bin/dhcp)
Input:
  no JSON
Requests: not traced, because dhcp is another executable than cnictl
Output:
  nothing
signal 9 after 20.00 ms
`);
  expect(formatOutcome({ ...GO, failure: "it did not end within 60 s" })).toContain("it did not end within 60 s after");
});

test("formatSummary() has a line for each plugin, a delegate's below that of its caller", () => {
  expect(formatSummary([BRIDGE, GO])).toBe(`PLUGIN        VERB  RESULT            MS  TIME-BY-PHASE
bridge        ADD   exit code 1     6.50  ipam 1.30, links 2.00, other 3.19
  host-local  ADD   exit code 0     1.23  other 1.23
dhcp          DEL   signal 9       20.00  -
`);
});

describe("formatCompact()", () => {
  test("keeps on one line what fits there, and breaks the rest", () => {
    const long = {
      list: Array.from({ length: 3 }, (_, index) => ({ name: `${index}`.repeat(40) })),
      empty: {},
      none: [],
    };
    expect(formatCompact(long)).toBe(`{
  "list": [
    { "name": "${"0".repeat(40)}" },
    { "name": "${"1".repeat(40)}" },
    { "name": "${"2".repeat(40)}" }
  ],
  "empty": {},
  "none": []
}`);
  });

  test("is the same JSON", () => {
    const value = { a: "x\n  y".repeat(30), b: [1, [2, { c: null }]], "": "<é>" };
    expect(JSON.parse(formatCompact(value))).toEqual(value);
  });
});

test("callJson() has all values, the steps with their place, and the plugins that were called", () => {
  const json = JSON.parse(JSON.stringify(callJson(BRIDGE)));
  expect(json).toMatchObject({
    plugin: "bridge",
    exitCode: 1,
    stderr: ["first", "second"],
    phases: BRIDGE.phases,
    input,
  });
  expect(json.steps).toEqual([
    { ...BRIDGE.steps?.[0], where: "host" },
    { ...BRIDGE.steps?.[1], call: { ...IPAM, stderr: [] } },
    { ...BRIDGE.steps?.[2], where: "host" },
    {
      ...{ at: 3, milliseconds: 2, phase: "links", kind: "RTM_NEWLINK", action: 'add veth "eth0"', where: "container" },
      error: BRIDGE.steps?.[3]?.error,
    },
  ]);
});
