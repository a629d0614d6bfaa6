import { describe, expect, test } from "vitest";
import { RuleGathering } from "../../src/netfilter/rule-gathering.ts";
import { gatherRules } from "../../src/steps/gathered-host.ts";
import { verifyMasquerade } from "../../src/steps/masquerade/check.ts";
import { addMasquerade } from "../../src/steps/masquerade/elements.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { prefix } from "../netlink/text.ts";
import { fakeHost } from "./fake-host.ts";

const rules = {
  owner: { network: "net1", ifname: "eth0", containerId: "one" },
  prefixes: [prefix("10.88.0.2/16")],
};

describe("gatherRules()", () => {
  test("holds the rules of nf_tables back until they are applied", () => {
    const kernel = new FakeKernel();
    const [host, gathering] = [hostOn(kernel), new RuleGathering()];
    const before = kernel.snapshot();
    const netlink = gatherRules(host, gathering).openNetfilter();
    addMasquerade(netlink, rules);
    expect([kernel.snapshot(), netlink.isGathering]).toEqual([before, true]);
    gathering.nftables.apply(host.openNetfilter());
    expect(verifyMasquerade(host.openNetfilter(), rules)).toEqual([]);
  });

  test("holds the rules of several hosts back in one place", () => {
    const kernel = new FakeKernel();
    const gathering = new RuleGathering();
    const other = { ...rules, owner: { ...rules.owner, containerId: "two" }, prefixes: [prefix("10.88.0.3/16")] };
    for (const each of [rules, other]) addMasquerade(gatherRules(hostOn(kernel), gathering).openNetfilter(), each);
    const netlink = kernel.openNetfilter();
    gathering.nftables.apply(netlink);
    expect([rules, other].flatMap((each) => verifyMasquerade(netlink, each))).toEqual([]);
  });

  test("holds changes by iptables back", () => {
    const gathering = new RuleGathering();
    expect(gatherRules(fakeHost(), gathering).restores).toBe(gathering.iptables);
  });

  test("leaves all else to the host, and opens nothing before it is asked for", () => {
    const kernel = new FakeKernel();
    const host = hostOn(kernel);
    const gathered = gatherRules(host, new RuleGathering());
    expect(kernel.open.size).toBe(0);
    expect([gathered.netlink, gathered.sysctls, gathered.launch]).toEqual([host.netlink, host.sysctls, host.launch]);
    expect(gathered.withDevices(() => "under the lock")).toBe("under the lock");
    expect(kernel.open.size).toBe(1);
  });

  test("gives the host itself where nothing is to be held back", () => {
    const host = fakeHost();
    expect(gatherRules(host, undefined)).toBe(host);
  });
});
