import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { countLegacyRules, decodeLegacyFilter } from "../../../src/netfilter/iptables/legacy-filter.ts";
import { decodeChains, type LegacyTable } from "../../../src/netfilter/iptables/legacy-table.ts";

/** sizeof(struct ipt_get_entries), without the rules behind it. <linux/netfilter_ipv4/ip_tables.h> */
const ENTRIES_SIZE = 40;

/** A table as the kernel told it, and what iptables-legacy printed of it. */
function capturedTable(name: string): { table: LegacyTable; printed: readonly string[] } {
  const file = path.join(import.meta.dirname, `../../captures/iptables/${name}.hex`);
  const lines = fs.readFileSync(file, "utf8").split("\n");
  const bytesOf = (word: string) => {
    const hex = lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
    return new Uint8Array(Buffer.from(hex, "hex"));
  };
  const printed = lines.filter((line) => line.startsWith("# -")).map((line) => line.slice(2));
  return {
    table: { chains: decodeChains(bytesOf("INFO")), entries: bytesOf("ENTRIES").subarray(ENTRIES_SIZE) },
    printed,
  };
}

describe.each([
  ["iptables-filter", 4],
  ["ip6tables-filter", 6],
] as const)("decodeLegacyFilter of %s", (name, family) => {
  const { table, printed } = capturedTable(name);
  const decoded = () => decodeLegacyFilter(family, table);
  const rulesOf = (chain: string) => printed.filter((line) => line.startsWith(`-A ${chain} `));

  it("finds the chains that iptables-legacy prints, with their policies", () => {
    const lines = [...decoded()].map(([chain, { policy }]) =>
      policy === undefined ? `-N ${chain}` : `-P ${chain} ${policy}`,
    );
    expect(lines.sort()).toEqual(printed.filter((line) => /^-[PN]/.test(line)).sort());
  });

  it("says each rule as iptables-legacy does, but for one that it has no words for", () => {
    for (const [chain, { rules }] of decoded()) {
      const unsaid = /-i eth\+|-p tcp|reject-with|\/24|\/64|ctstate NEW/;
      const lines = rulesOf(chain).map((line) => (unsaid.test(line) ? undefined : line.replace(`-A ${chain} `, "")));
      expect(rules().map(({ text }) => text)).toEqual(lines);
    }
  });

  it("counts the rules that iptables-legacy prints", () => {
    expect(countLegacyRules(family, table)).toBe(printed.filter((line) => line.startsWith("-A ")).length);
  });

  it("knows every rule's target", () => {
    for (const [chain, { rules }] of decoded())
      expect(rules().map(({ target }) => target)).toEqual(rulesOf(chain).map((line) => / -j (\S+)/.exec(line)?.[1]));
  });

  it.each([
    [1, /^Cannot decode a rule of iptables-legacy: \d+ bytes, says \d+$/],
    [100, /^Cannot decode a rule of iptables-legacy: \d+ bytes, (must be at least|says) \d+$/],
    [200, /^Cannot decode a rule of iptables-legacy: \d+ bytes, (must be at least|says) \d+$/],
  ])("refuses rules that are cut short by %d bytes", (missing, message) => {
    const entries = table.entries.subarray(0, table.entries.length - missing);
    expect(() => decodeLegacyFilter(family, { ...table, entries })).toThrow(RangeError);
    expect(() => decodeLegacyFilter(family, { ...table, entries })).toThrow(message);
  });
});

describe("decodeLegacyFilter of a changed rule", () => {
  const { table } = capturedTable("iptables-filter");
  const entries = Buffer.from(table.entries);
  /** sizeof(struct ipt_entry) with a standard target. <linux/netfilter_ipv4/ip_tables.h> */
  const size = 152;
  /** Where the rule `-A CNI-FORWARD -s 10.88.0.2/32 -j ACCEPT` begins: before that of 10.88.0.0/24, an address and its mask. */
  const at = entries.indexOf("0a58000000000000ffffff00", 0, "hex") - size;

  /** The same table with other bytes in that rule. Offsets are those of struct ipt_entry. */
  function changed(offset: number, bytes: readonly number[]): LegacyTable {
    const copy = table.entries.slice();
    copy.set(bytes, at + offset);
    return { ...table, entries: copy };
  }

  const decode = (of: LegacyTable) => decodeLegacyFilter(4, of).get("CNI-FORWARD")?.rules()[2];
  const text = (of: string) => [...Buffer.from(of)];

  it.each<[string, number, readonly number[], string | undefined]>([
    ["-j ACCEPT", 0, Array(16).fill(0), "-j ACCEPT"],
    ["! -s", 83, [0x08], undefined],
    ["-f", 82, [0x01], undefined],
    ["-p tcp", 80, [6], undefined],
    ["-s 10.88.0.0/24", 11, [0], undefined],
    ["-d 0.0.0.0/1", 12, [0x80], undefined],
    ["-o e+", 32, [...text("e"), ...Array(31).fill(0), 0xff], undefined],
    ["-o e", 32, [...text("e"), ...Array(31).fill(0), 0xff, 0xff], "-s 10.88.0.2/32 -o e -j ACCEPT"],
  ])("says %s, or nothing where FilterRule has no such match", (_, offset, bytes, expected) => {
    expect(decode(changed(offset, bytes))).toEqual({ text: expected, target: "ACCEPT" });
  });

  it("finds no target in a rule that only counts packets: it jumps to the next rule", () => {
    const next = new Uint8Array(4);
    new DataView(next.buffer).setInt32(0, at + size, true);
    expect(decode(changed(144, [...next]))).toEqual({ text: "-s 10.88.0.2/32", target: "" });
  });

  it.each([
    ["a rule shorter than its header", 90, [111, 0], "Cannot decode a rule of iptables-legacy: 111 bytes, says 111"],
    ["a rule without length", 90, [0, 0], "Cannot decode a rule of iptables-legacy: 0 bytes, says 0"],
    ["a target behind the rule", 88, [150, 0], "Cannot decode an extension of iptables: 2 bytes, must be at least 32"],
    ["a target without verdict", 112, [32, 0], "Cannot decode a verdict of iptables: 0 bytes, must be at least 4"],
  ])("refuses %s", (_, offset, bytes, message) => {
    expect(() => decode(changed(offset, bytes))).toThrow(message);
  });
});

it("decodeChains refuses a structure that is cut short, and says which", () => {
  expect(() => decodeChains(new Uint8Array(83))).toThrow(
    "Cannot decode struct ipt_getinfo: 83 bytes, must be at least 84",
  );
});
