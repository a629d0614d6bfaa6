import { spawn } from "node:child_process";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../src/ip/prefix.ts";
import { supportsNftables } from "../../src/netfilter/nftables/support.ts";
import { ownerComment, selectOwner } from "../../src/netfilter/owner.ts";
import { type Nfnetlink, openNfnetlink } from "../../src/netlink/socket.ts";
import { verifyMasquerade } from "../../src/steps/masquerade/check.ts";
import { addMasquerade, deleteSelected } from "../../src/steps/masquerade/elements.ts";
import { Lab } from "../lab.ts";
import { findMasquerade } from "../steps/masquerade/find.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { network: "net1", ifname: "eth0", containerId: "two" };
const subnet4 = "10.88.0.0/16";

let lab: Lab;
let netlink: Nfnetlink;

beforeEach(() => {
  lab = new Lab();
  netlink = open();
});

afterEach(() => {
  netlink.close();
  lab.dispose();
});

function open(): Nfnetlink {
  return openNfnetlink({ netns: lab.host });
}

function prefixes(...texts: string[]): readonly Prefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new Error(text);
    return prefix;
  });
}

function nft(...argv: string[]): string {
  return lab.run(["nft", ...argv]);
}

/** The chains, each with its rules, and the elements that the nft tool lists. */
function listed(): { chains: string[]; elements: string[] } {
  const text = nft("list", "table", "inet", "cni_masquerade");
  const chains = [...text.matchAll(/chain (\S+) \{\n([^}]*)\}/g)].map(([, name, rules]) =>
    [name, ...(rules ?? "").split("\n")]
      .map((line) => line?.trim())
      .filter((line) => line !== "")
      .join("; "),
  );
  const elements = [...text.matchAll(/([0-9a-f.:]+) comment "([^"]*)" : goto (\S+?),?\s/g)].map(
    ([, address, comment, chain]) => `${address} ${comment?.split("id: ")[1]} ${chain}`,
  );
  return { chains, elements: elements.sort() };
}

const base =
  "postrouting; type nat hook postrouting priority srcnat; policy accept;; ip daddr 224.0.0.0/4 return; " +
  "ip6 daddr ff00::/8 return; ip saddr vmap @sources4; ip6 saddr vmap @sources6";
const to4 = "to_10.88.0.0/16; ip daddr 10.88.0.0/16 return; masquerade";
const to6 = "to_fd00-88--/64; ip6 daddr fd00:88::/64 return; masquerade";

describe("addMasquerade", () => {
  test("makes a table that the nft tool lists as meant, and loads again", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16", "fd00:88::2/64") });
    expect(listed()).toEqual({
      chains: [base, to4, to6],
      elements: ["10.88.0.2 one to_10.88.0.0/16", "fd00:88::2 one to_fd00-88--/64"],
    });
    const text = nft("list", "ruleset");
    expect(lab.try(["nft", "-c", "-f", "-"], lab.host, text)).toMatchObject({ status: 0, stderr: "" });
    const elsewhere = lab.addNamespace("elsewhere");
    expect(lab.try(["nft", "-f", "-"], elsewhere, text)).toMatchObject({ status: 0, stderr: "" });
    expect(lab.run(["nft", "list", "ruleset"], elsewhere)).toBe(text);
  });

  test("writes the owner into the element's comment, whole for the nft tool", () => {
    const long = { ...one, containerId: "f".repeat(200) };
    addMasquerade(netlink, { owner: long, prefixes: prefixes("10.88.0.2/16") });
    const { nftables } = JSON.parse(nft("-j", "list", "map", "inet", "cni_masquerade", "sources4"));
    expect(nftables[1].map.elem).toEqual([
      [{ elem: { val: "10.88.0.2", comment: ownerComment(long) } }, { goto: { target: "to_10.88.0.0/16" } }],
    ]);
  });

  test("twice is once", () => {
    const request = { owner: one, prefixes: prefixes("10.88.0.2/16", "fd00:88::2/64") };
    addMasquerade(netlink, request);
    const before = listed();
    addMasquerade(netlink, request);
    expect(listed()).toEqual(before);
  });

  test("serves several owners, subnets and prefix lengths", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16", "172.30.17.5/20") });
    addMasquerade(netlink, { owner: two, prefixes: prefixes("10.88.0.3/16", "10.99.0.1/32") });
    expect(listed()).toEqual({
      chains: [
        base,
        to4,
        "to_172.30.16.0/20; ip daddr 172.30.16.0/20 return; masquerade",
        "to_10.99.0.1/32; ip daddr 10.99.0.1 return; masquerade",
      ],
      elements: [
        "10.88.0.2 one to_10.88.0.0/16",
        "10.88.0.3 two to_10.88.0.0/16",
        "10.99.0.1 two to_10.99.0.1/32",
        "172.30.17.5 one to_172.30.16.0/20",
      ],
    });
  });

  test("takes over an address that another attachment left behind, and one of another subnet", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16", "10.88.0.3/24") });
    addMasquerade(netlink, { owner: two, prefixes: prefixes("10.88.0.2/16", "10.88.0.3/16") });
    expect(listed().elements).toEqual(["10.88.0.2 two to_10.88.0.0/16", "10.88.0.3 two to_10.88.0.0/16"]);
    deleteSelected(netlink, selectOwner(one));
    expect(listed().elements).toHaveLength(2);
  });

  test("repairs a base chain without rules", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16") });
    nft("flush", "chain", "inet", "cni_masquerade", "postrouting");
    addMasquerade(netlink, { owner: two, prefixes: prefixes("10.88.0.3/16") });
    expect(listed()).toEqual({
      chains: [base, to4],
      elements: ["10.88.0.2 one to_10.88.0.0/16", "10.88.0.3 two to_10.88.0.0/16"],
    });
  });

  test("says which object the kernel refused", () => {
    nft("add table inet cni_masquerade; add map inet cni_masquerade sources4 { type ipv4_addr : mark; }");
    expect(() => addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16") })).toThrow(
      /^Cannot add nftables set sources4 to table cni_masquerade: File exists/,
    );
  });
});

describe("deleteSelected", () => {
  test("takes the owner's addresses alone, and a subnet's chain with its last", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16", "fd00:88::2/64") });
    addMasquerade(netlink, { owner: two, prefixes: prefixes("10.88.0.3/16") });
    addMasquerade(netlink, { owner: { ...two, ifname: "eth1" }, prefixes: prefixes("10.88.0.4/16") });
    deleteSelected(netlink, selectOwner(one));
    expect(listed()).toEqual({
      chains: [base, to4],
      elements: ["10.88.0.3 two to_10.88.0.0/16", "10.88.0.4 two to_10.88.0.0/16"],
    });
    deleteSelected(netlink, selectOwner(two));
    expect(listed()).toEqual({ chains: [base, to4], elements: ["10.88.0.4 two to_10.88.0.0/16"] });
    deleteSelected(netlink, selectOwner({ ...two, ifname: "eth1" }));
    expect(listed()).toEqual({ chains: [base], elements: [] });
  });

  test("of nothing is success, also without the table", () => {
    deleteSelected(netlink, selectOwner(one));
    expect(nft("list", "ruleset")).toBe("");
    addMasquerade(netlink, { owner: two, prefixes: prefixes("10.88.0.2/16") });
    deleteSelected(netlink, selectOwner(one));
    expect(listed().elements).toHaveLength(1);
  });

  test("finds its elements among a thousand", () => {
    const many = Array.from({ length: 1000 }, (_, n) => `10.88.${1 + (n >> 8)}.${n & 255}/16`);
    addMasquerade(netlink, { owner: two, prefixes: prefixes(...many) });
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.77.7/16") });
    deleteSelected(netlink, selectOwner(one));
    expect(findMasquerade(netlink, two)).toHaveLength(1000);
    deleteSelected(netlink, selectOwner(two));
    expect(listed()).toEqual({ chains: [base], elements: [] });
  });

  test("leaves an address that became another's between the list and the transaction", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16", "10.88.0.3/16") });
    const other = open();
    let transactions = 0;
    const interrupted: Nfnetlink = {
      ...netlink,
      transact: (requests) => {
        transactions++;
        if (transactions === 1) addMasquerade(other, { owner: two, prefixes: prefixes("10.88.0.2/16") });
        return netlink.transact(requests);
      },
    };
    deleteSelected(interrupted, selectOwner(one));
    other.close();
    expect(transactions).toBe(2);
    expect(listed()).toEqual({ chains: [base, to4], elements: ["10.88.0.2 two to_10.88.0.0/16"] });
  });

  test("succeeds where somebody's own rule goes to a subnet's chain, which then stays", () => {
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/16") });
    nft("add chain inet cni_masquerade own; add rule inet cni_masquerade own jump to_10.88.0.0/16");
    deleteSelected(netlink, selectOwner(one));
    expect(listed()).toEqual({ chains: [base, to4, "own; jump to_10.88.0.0/16"], elements: [] });
  });
});

describe("at once", () => {
  test("20 processes add, and 20 delete, without one failing", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `c${n}`);
    const added = names.map((name, n) => call("add", name, `10.88.0.${n + 2}/16`, `fd00:88::${n + 2}/64`));
    expect(await Promise.all(added)).toEqual(names.map(() => ""));
    expect(listed().chains.sort()).toEqual([base, to4, to6]);
    expect(listed().elements).toHaveLength(40);
    expect(await Promise.all(names.map((name) => call("delete", name)))).toEqual(names.map(() => ""));
    expect(listed()).toEqual({ chains: [base], elements: [] });
  });

  /** Resolves to what the process wrote to stderr, and its exit code where that is not 0. */
  function call(...argv: string[]): Promise<string> {
    const [command = "", ...rest] = argv;
    const script = path.join(import.meta.dirname, "netfilter-caller.ts");
    const child = spawn(process.execPath, [script, command, lab.host, ...rest], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    return new Promise((resolve) => child.on("close", (code) => resolve(code === 0 ? stderr : `${code} ${stderr}`)));
  }
});

describe("findMasquerade and verifyMasquerade", () => {
  const request = { owner: one, prefixes: prefixes("10.88.0.2/16", "fd00:88::2/64") };

  test("tell owner, address and subnet", () => {
    addMasquerade(netlink, request);
    addMasquerade(netlink, { owner: { ...two, network: "net2" }, prefixes: prefixes("10.99.0.2/24") });
    const texts = findMasquerade(netlink, one).map(({ address, subnet, comment }) =>
      [formatAddress(address), subnet && formatPrefix(subnet), comment].join(" "),
    );
    expect(texts).toEqual([
      `10.88.0.2 ${subnet4} ${ownerComment(one)}`,
      `fd00:88::2 fd00:88::/64 ${ownerComment(one)}`,
    ]);
    expect(findMasquerade(netlink, { ...two, network: "net2" }).map(({ address }) => formatAddress(address))).toEqual([
      "10.99.0.2",
    ]);
  });

  test("find no difference after addMasquerade, and each that somebody makes", () => {
    addMasquerade(netlink, request);
    expect(verifyMasquerade(netlink, request)).toEqual([]);
    nft("delete element inet cni_masquerade sources6 { fd00:88::2 }");
    nft("flush chain inet cni_masquerade to_10.88.0.0/16");
    nft("add rule inet cni_masquerade to_10.88.0.0/16 counter");
    expect(verifyMasquerade(netlink, request)).toEqual([
      expect.stringMatching(
        /^Nftables chain to_10\.88\.0\.0\/16 of table cni_masquerade: rule 1 must be "ip daddr 10\.88\.0\.0\/16 return", is "counter [0-9a-f]+"$/,
      ),
      'Nftables chain to_10.88.0.0/16 of table cni_masquerade: rule 2 must be "masquerade", is missing',
      "Address fd00:88::2 is not masqueraded for this attachment",
    ]);
    addMasquerade(netlink, { owner: one, prefixes: prefixes("10.88.0.2/24") });
    expect(verifyMasquerade(netlink, request)).toContain(
      "Address 10.88.0.2 must be masqueraded outside 10.88.0.0/16, is outside 10.88.0.0/24",
    );
    nft("flush", "ruleset");
    expect(verifyMasquerade(netlink, request)).toEqual([
      "Nftables chain postrouting of table cni_masquerade is missing",
      "Nftables chain to_10.88.0.0/16 of table cni_masquerade is missing",
      "Nftables chain to_fd00-88--/64 of table cni_masquerade is missing",
      "Address 10.88.0.2 is not masqueraded for this attachment",
      "Address fd00:88::2 is not masqueraded for this attachment",
    ]);
  });

  test("supportsNftables: this kernel has it", () => {
    expect(supportsNftables(netlink)).toBe(true);
  });
});
