import { beforeEach, describe, expect, test } from "vitest";
import { beginTrace, type CallTrace, type Step } from "../../src/cni/call-trace.ts";
import { CniError } from "../../src/cni/error.ts";
import type { Exit } from "../../src/cni/exit.ts";
import { addTable, listTables } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { addBridge } from "../../src/netlink/link/add.ts";
import { getLinkBrief } from "../../src/netlink/link/brief.ts";
import { beginDeletion } from "../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { NFPROTO } from "../../src/netlink/nfnetlink.ts";
import type { Host } from "../../src/steps/host.ts";
import { describeFailure, traceHost } from "../../src/steps/traced-host.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";

let kernel: FakeKernel;
let trace: CallTrace;

beforeEach(() => {
  kernel = new FakeKernel();
  trace = beginTrace(describeFailure);
});

function traced(parts: Parameters<typeof hostOn>[1] = {}): Host {
  return traceHost(hostOn(kernel, parts), trace);
}

/** The steps so far, without their times, and without what is false or absent. */
function steps(): unknown[] {
  return trace
    .steps()
    .map(({ at: _, milliseconds: __, inside, ...step }: Step) => ({ ...step, ...(inside && { inside }) }));
}

describe("traceHost()", () => {
  test("names each request as the kernel does, with its answer", () => {
    const host = traced();
    addBridge(host.netlink, { name: "br0" });
    expect(() => addBridge(host.netlink, { name: "br0" })).toThrow("File exists");
    expect(findLink(host.netlink, "br1")).toBeUndefined();
    const exists = { errno: "EEXIST", message: "File exists" };
    const missing = { errno: "ENODEV", message: "No such device", expected: true };
    expect(steps()).toEqual([
      { phase: "links", kind: "RTM_NEWLINK", action: 'add bridge "br0"' },
      { phase: "links", kind: "RTM_NEWLINK", action: 'add bridge "br0"', error: exists },
      { phase: "links", kind: "RTM_GETLINK", action: 'get link "br1"', error: missing },
    ]);
  });

  test("has each request of a transaction, and the refusal at its own", () => {
    const netlink = traced().openNetfilter();
    const table = { family: NFPROTO.INET, name: "demo" };
    applyTransaction(netlink, [addTable(table)], { action: "make a table" });
    kernel.refuse(1, 1);
    expect(() => applyTransaction(netlink, [addTable(table)], { action: "make a table" })).toThrow();
    expect(listTables(netlink)).toHaveLength(1);
    const request = { kind: "NFT_MSG_NEWTABLE", action: "add nftables table demo" };
    const transaction = { phase: "netfilter", kind: "transaction", action: "make a table" };
    expect(steps()).toMatchObject([
      { ...transaction, requests: [request] },
      { ...transaction, error: { errno: "EPERM" } },
      { phase: "netfilter", kind: "NFT_MSG_GETTABLE", action: "list the nftables tables" },
    ]);
  });

  test("tells apart what is asked inside a container, questions by ioctl(2), and deletions in the background", () => {
    const container = kernel.addNamespace("container");
    const host = traced();
    const inside = host.openContainer(container.path);
    expect(getLink(inside.netlink, "lo").name).toBe("lo");
    expect(() => getLinkBrief(host.netlink, "eth0")).toThrow();
    addBridge(host.netlink, { name: "br0" });
    beginDeletion(host.netlink, getLink(host.netlink, "br0")).finish();
    expect(steps()).toMatchObject([
      { kind: "RTM_GETLINK", action: 'get link "lo"', inside: true },
      { phase: "links", kind: "SIOCGIFHWADDR", action: 'ask for link "eth0"', error: { errno: "ENODEV" } },
      { kind: "RTM_NEWLINK" },
      { kind: "RTM_GETLINK" },
      { kind: "RTM_DELLINK", action: 'delete link "br0"' },
    ]);
  });

  test("has kernel parameters, of the host and of the container", () => {
    const container = kernel.addNamespace("container");
    const host = traced();
    host.sysctls.write("net/ipv4/ip_forward", "1");
    host.openContainer(container.path).within((sysctls) => expect(() => sysctls.read("net/none")).toThrow());
    const sysctl = { phase: "sysctls", kind: "sysctl" };
    expect(steps()).toMatchObject([
      { ...sysctl, action: "ensure net/ipv4/ip_forward is 1" },
      { ...sysctl, action: "read net/none", inside: true, error: { errno: "ENOENT" } },
    ]);
  });

  test("has the wait for the lock on bridges, without the work under it", () => {
    traced().withBridges("used", () => addBridge(kernel.openRoute(), { name: "br0" }));
    const busy = new CniError("tryAgainLater", "others hold it");
    const refused = traced({
      withBridges: () => {
        throw busy;
      },
    });
    expect(() => refused.withBridges("withdrawn", () => {})).toThrow(busy);
    expect(steps()).toEqual([
      { phase: "locks", kind: "flock", action: "lock the host's bridges, shared" },
      { phase: "locks", kind: "flock", action: "lock the host's bridges", error: { message: "others hold it" } },
    ]);
  });

  test("has commands with their arguments, and why they failed", () => {
    const exit: Exit = { status: 4, signal: undefined, stdout: Buffer.of(), stderr: Buffer.from("busy\n") };
    const host = traced({ launch: () => ({ begin: () => {}, wait: () => exit, abandon: () => {} }) });
    const options = { args: ["-S"], environment: {}, stdin: Buffer.of(), deadline: 1, maxOutput: 1 };
    expect(host.launch("/sbin/iptables", options).wait()).toBe(exit);
    expect(steps()).toEqual([
      { phase: "netfilter", kind: "command", action: "/sbin/iptables -S", error: { message: "status 4: busy" } },
    ]);
  });
});
