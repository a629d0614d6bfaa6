import { describe, expect, test, vi } from "vitest";
import { beginTrace } from "../../src/cni/call-trace.ts";
import type { Delegation } from "../../src/cni/delegate.ts";
import type { Host } from "../../src/steps/host.ts";
import { describeFailure, traceHost } from "../../src/steps/traced-host.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { CASES, type Case, leased, PLAIN, requestOf, type Verb } from "./verb-cases.ts";

// A host whose only firewall is nf_tables: files say what others it has.
vi.mock("../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));
vi.mock("../../src/steps/firewalld.ts", () => ({ findFirewalld: () => undefined, removeSources: () => {} }));

const ipam = (): Delegation => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} });

const [BRIDGE] = CASES;

/** What the kernel is asked by ADD, CHECK and DEL on a host of each call, without what is drawn by lot. */
function asked({ plugin, fields, follows = false }: Case, hostOf: (host: Host) => Host): readonly string[] {
  const kernel = new FakeKernel();
  kernel.addNamespace("container");
  const open = () => hostOn(kernel, { delegate: ipam });
  const bridge = { plugin: BRIDGE?.plugin ?? plugin, fields: PLAIN };
  const before = follows ? bridge.plugin.add(requestOf("ADD", bridge), open()) : undefined;
  const from = kernel.log.length;
  const request = (verb: Verb, given = before) => requestOf(verb, { plugin, fields }, { given });
  const given = plugin.add(request("ADD"), hostOf(open()));
  plugin.check(request("CHECK", given), hostOf(open()));
  plugin.del(request("DEL", given), hostOf(open()));
  const drawn = /veth[0-9a-f]{8}|fe80:[0-9a-f:]+|[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9]{6,}/g;
  return kernel.log.slice(from).map((line) => line.replaceAll(drawn, "x"));
}

describe("a traced call", () => {
  test.each(CASES)("$title asks the kernel for the same, and each request is in the trace", (which) => {
    const plain = asked(which, (host) => host);
    const traces: ReturnType<typeof beginTrace>[] = [];
    const traced = asked(which, (host) => {
      const trace = beginTrace(describeFailure);
      traces.push(trace);
      return traceHost(host, trace);
    });
    expect(traced).toEqual(plain);
    const kinds = traces.flatMap((trace) => trace.steps().map(({ kind }) => kind));
    expect(kinds.filter((kind) => /^(RTM|NFT_MSG|IPCTNL_MSG)_|^transaction$/.test(kind))).toHaveLength(plain.length);
    expect(kinds.filter((kind) => /_\d+$/.test(kind))).toEqual([]);
  });
});
