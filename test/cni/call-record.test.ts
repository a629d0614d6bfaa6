import { expect, test } from "vitest";
import { type CallTraffic, describeCall, recordCall } from "../../src/cni/call-record.ts";

const began = new Date("2026-01-02T03:04:05.678Z");
const phases = { links: 2.5, other: 9.846 };
const environment = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_IFNAME: "eth0",
  CNI_NETNS: "/run/netns/blue",
  TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

function record(changes: Partial<Omit<CallTraffic, "stdin">> & { stdin?: string }) {
  const stdin = new TextEncoder().encode(changes.stdin ?? '{"name": "net1"}');
  const rest = { plugin: "bridge", environment, stdout: "{}", began, milliseconds: 12.34567, phases, code: 0 };
  return recordCall({ ...rest, ...changes, stdin });
}

const CALL = {
  time: "2026-01-02T03:04:05.678Z",
  milliseconds: 12.346,
  phases,
  plugin: "bridge",
  command: "ADD",
  network: "net1",
  containerId: "c1",
  ifname: "eth0",
  netns: "/run/netns/blue",
  traceparent: environment.TRACEPARENT,
};

test.each([
  ['{"ips": [{"address": "10.1.0.2/24"}, {"address": "fd00::2/64"}, {}, 7]}', ["10.1.0.2/24", "fd00::2/64"]],
  ['{"ip4": {"ip": "10.1.0.2/24"}, "ip6": {"ip": "fd00::2/64"}}', ["10.1.0.2/24", "fd00::2/64"]],
])("an ADD that printed %s has its addresses", (stdout, addresses) => {
  const made = record({ stdout });
  expect(made).toEqual({ ...CALL, addresses });
  expect(describeCall(made)).toBe("ADD bridge net1 c1 eth0: 10.1.0.2/24 fd00::2/64 in 12.346 ms");
});

test("a failure has the error that was printed", () => {
  const made = record({ code: 1, stdout: '{"code": 105, "msg": "eth0 is there", "details": "in blue"}' });
  expect(made).toEqual({ ...CALL, error: { code: 105, msg: "eth0 is there", details: "in blue" } });
  expect(describeCall(made)).toBe("ADD bridge net1 c1 eth0: failed (105): eth0 is there; in blue in 12.346 ms");
});

test("what is missing or cannot be read is left out", () => {
  const stated = { time: CALL.time, milliseconds: 12.346, phases, plugin: "bridge", command: "STATUS" };
  expect(record({ environment: { CNI_COMMAND: "STATUS" }, stdin: "{", stdout: "" })).toEqual(stated);
  expect(record({ environment: {}, stdin: "[]", stdout: "x", code: 1 })).toEqual({
    ...stated,
    command: "",
    error: { code: 1, msg: "" },
  });
  expect(describeCall(record({ environment: { CNI_COMMAND: "STATUS" }, stdout: "" }))).toBe(
    "STATUS bridge net1: done in 12.346 ms",
  );
  expect(describeCall(record({ stdout: "" }))).toBe("ADD bridge net1 c1 eth0: done in 12.346 ms");
});

test("an empty variable and a name that is no text are left out, and so are details that are none", () => {
  const made = record({ environment: { CNI_COMMAND: "GC", CNI_CONTAINERID: "" }, stdin: '{"name": 7}' });
  expect([made.containerId, made.network]).toEqual([undefined, undefined]);
  const failed = record({
    code: 1,
    stdout: '{"code": 7, "msg": "m", "details": 7, "ips": [{"address": "10.1.0.2/24"}]}',
  });
  expect([failed.error, failed.addresses]).toEqual([{ code: 7, msg: "m" }, undefined]);
});
