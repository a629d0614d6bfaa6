import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Prefix } from "../../../src/ip/prefix.ts";
import { chainName, referenceChainName } from "../../../src/netfilter/iptables/name.ts";
import type { Restore } from "../../../src/netfilter/iptables/tool.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { matchSource } from "../../../src/netfilter/nftables/match.ts";
import { addRule, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable, listTables } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { type Attachment, ownerComment } from "../../../src/netfilter/owner.ts";
import { IPTABLES_NAT, REFERENCE_TABLES } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import type { Host } from "../../../src/steps/host.ts";
import { addMasquerade } from "../../../src/steps/masquerade/elements.ts";
import { formatAdditions } from "../../../src/steps/masquerade/iptables.ts";
import {
  checkMasquerade,
  endMasquerade,
  endStaleMasquerade,
  masquerade,
  openMasqueradeBackend,
} from "../../../src/steps/masquerade/masquerade.ts";
import type { Remains } from "../../../src/steps/remains.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { addRequest } from "../../plugins/request.ts";
import { fakeHost } from "../fake-host.ts";
import { findMasquerade } from "./find.ts";

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async (original) => ({
  ...(await original<object>()),
  hasLegacyTable: () => false,
  findInLegacy: () => [],
}));

const own = { network: "net1", ifname: "eth0", containerId: "c1" };
const other = { ...own, containerId: "c2" };
const request = addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge" });
const REFERENCE = { ...REFERENCE_TABLES.masquerade, chain: "masq_checks" };
const NAT = { ...IPTABLES_NAT[4], chain: "POSTROUTING" };

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
  for (const place of [REFERENCE, NAT]) {
    const table = addTable({ family: place.family, name: place.table, flags: 0 });
    applyTransaction(netlink, [table, addChain({ ...place, name: place.chain })], { action: "arrange" });
  }
});

/** What openRemains() finds. */
function remains(): Remains {
  const tables = listTables(netlink);
  const has = (family: number, table: string) => tables.some((each) => each.family === family && each.name === table);
  return {
    within: ({ family, table }) => (has(family, table) ? netlink : undefined),
    socket: netlink,
    leave: () => {},
    launch: fakeHost().launch,
  };
}

/** Masquerading of an attachment's as each backend makes it: ours, the reference's, and that of iptables-nft. */
function masqueradeEach(owner: Attachment, text: string): void {
  addMasquerade(netlink, { owner, prefixes: [prefix(text)] });
  const [userdata, name] = [commented("rule", ownerComment(owner)), chainName(owner)];
  const changes = [
    addRule({ ...REFERENCE, label: "masquerade", expressions: [ACCEPT], userdata }),
    addChain({ ...IPTABLES_NAT[4], name }),
    addRule({ ...IPTABLES_NAT[4], chain: name, label: "masquerade", expressions: [ACCEPT] }),
    addRule({
      ...NAT,
      label: "jump",
      expressions: [jump(name)],
      userdata: commented("rule", `name: "${owner.network}" id: "${owner.containerId}"`),
    }),
  ];
  applyTransaction(netlink, changes, { action: "arrange" });
}

/** How much each backend has of anybody. */
function counts() {
  return {
    ours: [own, other].map((owner) => findMasquerade(netlink, owner).length),
    reference: listRules(netlink, { ...REFERENCE, name: REFERENCE.chain }).length,
    jumps: listRules(netlink, { ...NAT, name: NAT.chain }).length,
    chains: kernel.host.rules.find(NAT.family, NAT.table)?.chains.length,
  };
}

describe("endMasquerade()", () => {
  test("ends an attachment's, whichever backend made it, and nobody else's", () => {
    masqueradeEach(own, "10.88.0.2/16");
    masqueradeEach(other, "10.88.0.3/16");
    expect(counts()).toEqual({ ours: [1, 1], reference: 2, jumps: 2, chains: 3 });
    endMasquerade(request, remains());
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
    endMasquerade(request, remains());
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
  });

  test("ends what it can where one backend refuses, and throws that", () => {
    masqueradeEach(own, "10.88.0.2/16");
    const found = remains();
    kernel.refuse(1, 1);
    expect(() => endMasquerade(request, found)).toThrow("Operation not permitted");
    expect(counts()).toEqual({ ours: [1, 0], reference: 0, jumps: 0, chains: 1 });
  });

  test("leaves the jumps of the container's other interface to the chain that the reference plugins share", () => {
    const name = referenceChainName(own);
    const jumpFrom = (text: string) =>
      addRule({ ...NAT, label: "jump", expressions: [...matchSource(prefix(text)), jump(name)] });
    const changes = [addChain({ ...IPTABLES_NAT[4], name }), jumpFrom("10.88.0.2/32"), jumpFrom("10.88.0.3/32")];
    applyTransaction(netlink, changes, { action: "arrange" });
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.88.0.2/16" }] };
    endMasquerade(addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge", prevResult }), remains());
    expect(counts()).toMatchObject({ jumps: 1, chains: 2 });
  });

  test("asks nothing where there are no tables", () => {
    const fresh = new FakeKernel();
    endMasquerade(request, { within: () => undefined, socket: undefined, leave: () => {}, launch: fakeHost().launch });
    expect(fresh.requests).toBe(0);
  });
});

describe("endStaleMasquerade()", () => {
  test("ends a network's, but for attachments that are still valid", () => {
    masqueradeEach(own, "10.88.0.2/16");
    masqueradeEach(other, "10.88.0.3/16");
    endStaleMasquerade(request, remains(), [other]);
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
    endStaleMasquerade(request, remains(), []);
    expect(counts()).toEqual({ ours: [0, 0], reference: 0, jumps: 0, chains: 1 });
  });
});

const tools = fs.mkdtempSync(path.join(os.tmpdir(), "masquerade-"));
for (const name of ["iptables", "ip6tables", "iptables-restore", "ip6tables-restore"])
  fs.writeFileSync(path.join(tools, name), "", { mode: 0o755 });
afterAll(() => fs.rmSync(tools, { recursive: true }));

const texts = ["10.88.0.2/16", "fd00:88::2/64"];
const ips = texts.map((text) => ({ address: prefix(text) }));
const IN = { 4: texts.slice(0, 1).map(prefix), 6: texts.slice(1).map(prefix) };

interface Stage {
  readonly listings?: Readonly<Record<string, string | number>>;
  readonly ips?: typeof ips;
}

/** A machine whose kernel has no nf_tables. */
function hostWithout({ launch }: Pick<Host, "launch">): Host {
  const openNetfilter = () => {
    throw new LinuxError("open a socket", { syscall: "socket", errno: ERRNO.EPROTONOSUPPORT });
  };
  return fakeHost({ openNetfilter, launch });
}

/** The call of a runtime whose PATH has the commands. */
const withTools = () => ({ ...request, environment: { ...request.environment, PATH: tools } });

/** What the commands of iptables are given: nothing is started. `listings` are what they print, or the status that they end with. */
function stage({ listings = {}, ips: given = ips }: Stage = {}) {
  const restored: string[] = [];
  const launch: Host["launch"] = (executable) => {
    const said = listings[path.basename(executable)] ?? "";
    const [status, text] = typeof said === "number" ? [said, "no permission"] : [0, said];
    const stdout = new TextEncoder().encode(text);
    return { begin: () => {}, abandon: () => {}, wait: () => ({ status, signal: undefined, stdout, stderr: stdout }) };
  };
  const restores = {
    hold: ({ family, input }: Restore) => void restored.push(`${family}: ${input}`),
    inputs: () => [],
  };
  const host = Object.assign(fakeHost({ openNetfilter: () => netlink, launch }), { restores });
  const reversals: (() => unknown)[] = [];
  const called = withTools();
  const add = (asked: string | undefined, keep = [prefix("192.0.2.0/24")]) => {
    const backend = openMasqueradeBackend(host, called, asked);
    masquerade(host, { request: called, backend, ips: given, keep }, (reversal) => reversals.push(reversal));
  };
  const check = (asked: string | undefined, keep: readonly Prefix[] = []) =>
    checkMasquerade(host, { request: called, asked, ips: given, keep });
  return { host, restored, reversals, add, check };
}

const LISTINGS = {
  iptables: formatAdditions({ owner: own, prefixes: IN[4] }),
  ip6tables: formatAdditions({ owner: own, prefixes: IN[6] }),
};

describe("masquerade()", () => {
  test.each([undefined, "nftables"])(
    "with backend %s has one element for each address, and takes them back",
    (asked) => {
      const { add, reversals, restored } = stage();
      add(asked);
      expect(findMasquerade(netlink, own).map(({ address }) => address)).toEqual(
        ips.map(({ address }) => address.address),
      );
      expect(findMasquerade(netlink, own)[0]?.chain).toMatch(/^to_10\.88\.0\.0\/16_/);
      expect(restored).toEqual([]);
      for (const reversal of reversals) reversal();
      expect(findMasquerade(netlink, own)).toEqual([]);
    },
  );

  test("with iptables deletes an earlier call's jumps, and then restores each family's rules at once", () => {
    masqueradeEach(own, "10.88.0.9/16");
    const { add, restored } = stage();
    add("iptables", []);
    expect(restored).toEqual([`4: ${LISTINGS.iptables}`, `6: ${LISTINGS.ip6tables}`]);
    expect(counts()).toMatchObject({ ours: [1, 0], jumps: 0 });
  });

  test("takes back the jumps that iptables made, in this project's chain", () => {
    const { add, reversals } = stage();
    add("iptables");
    masqueradeEach(own, "10.88.0.2/16");
    for (const reversal of reversals) reversal();
    expect(counts()).toMatchObject({ ours: [0, 0], jumps: 0, reference: 0 });
  });

  test("takes iptables where nf_tables cannot translate addresses, but not if nftables is asked for", () => {
    const chosen = (asked?: string) => openMasqueradeBackend(stage().host, withTools(), asked).kind;
    expect(chosen()).toBe("nftables");
    kernel.features.translation = false;
    expect(chosen()).toBe("iptables");
    const reason =
      "nf_tables of the kernel cannot translate addresses: that needs Linux 5.2 and its module nft_chain_nat";
    expect(() => chosen("nftables")).toThrow(`Cannot use ipMasqBackend "nftables": ${reason}`);
  });

  test("does not ask the kernel where a table of ours translates addresses", () => {
    const { add, host } = stage();
    const asking = (run: () => unknown) => {
      const before = kernel.requests;
      run();
      return kernel.requests - before;
    };
    const open = () => openMasqueradeBackend(host, withTools(), undefined);
    expect(asking(open)).toBe(2);
    add("nftables", []);
    expect(asking(open)).toBe(1);
  });

  test("names the field and what the host lacks", () => {
    expect(() => openMasqueradeBackend(hostWithout(fakeHost()), request, "nftables")).toThrow(
      'Cannot use ipMasqBackend "nftables": the kernel has no nf_tables',
    );
  });
});

describe("checkMasquerade()", () => {
  test("finds the rules of either backend, whichever is asked for", () => {
    const { check } = stage({ listings: LISTINGS });
    for (const asked of [undefined, "nftables", "iptables"]) expect(check(asked)).toEqual([]);
    const made = stage();
    made.add("nftables", []);
    for (const asked of [undefined, "nftables", "iptables"]) expect(made.check(asked)).toEqual([]);
  });

  test("takes the reference plugins' nftables rules for ours, one for each address, but not with a list", () => {
    const { check } = stage();
    for (let count = 0; count < ips.length; count++) {
      expect(check(undefined)).not.toEqual([]);
      const userdata = commented("rule", ownerComment(own));
      const rule = addRule({ ...REFERENCE, label: "masquerade", expressions: [ACCEPT], userdata });
      applyTransaction(netlink, [rule], { action: "arrange" });
    }
    expect(check(undefined)).toEqual([]);
    expect(check(undefined, [prefix("192.0.2.0/24")])).not.toEqual([]);
  });

  test("names what is missing in the backend that is asked for", () => {
    const { check } = stage({ listings: { ...LISTINGS, ip6tables: "" } });
    expect(check("nftables")).toContain("Address 10.88.0.2 is not masqueraded for this attachment");
    const missing = check("iptables");
    expect(missing).toHaveLength(3);
    expect(missing[2]).toMatch(/^The iptables rule '-A POSTROUTING -s fd00:88::2\/128 .*' of table nat is missing$/);
  });

  test("names what is missing where the kernel has no nf_tables", () => {
    const host = hostWithout(stage().host);
    const missing = checkMasquerade(host, { request: withTools(), asked: undefined, ips, keep: [] });
    expect(missing).toHaveLength(6);
  });

  test("asks only the commands of the families that the attachment has", () => {
    const { check, add, restored } = stage({ listings: { ...LISTINGS, ip6tables: 1 }, ips: ips.slice(0, 1) });
    expect(check("iptables")).toEqual([]);
    add("iptables", []);
    expect(restored).toEqual([`4: ${LISTINGS.iptables}`]);
  });

  test("says why iptables could not be asked", () => {
    const { check } = stage({ listings: { iptables: 1 } });
    expect(check("iptables")).toEqual([
      `Cannot list iptables rules: ${tools}/iptables ended with status 1: no permission`,
    ]);
  });
});
