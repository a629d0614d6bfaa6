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
  const chains = decodeLegacyFilter(family, table);
  const rulesOf = (chain: string) => printed.filter((line) => line.startsWith(`-A ${chain} `));

  it("finds the chains that iptables-legacy prints, with their policies", () => {
    const lines = [...chains].map(([chain, { policy }]) =>
      policy === undefined ? `-N ${chain}` : `-P ${chain} ${policy}`,
    );
    expect(lines.sort()).toEqual(printed.filter((line) => /^-[PN]/.test(line)).sort());
  });

  it("says each rule as iptables-legacy does, but for one that it has no words for", () => {
    for (const [chain, { rules }] of chains) {
      const unsaid = /-i eth\+|-p tcp|reject-with|\/24|\/64|ctstate NEW/;
      const lines = rulesOf(chain).map((line) => (unsaid.test(line) ? undefined : line.replace(`-A ${chain} `, "")));
      expect(rules().map(({ text }) => text)).toEqual(lines);
    }
  });

  it("counts the rules that iptables-legacy prints", () => {
    expect(countLegacyRules(family, table)).toBe(printed.filter((line) => line.startsWith("-A ")).length);
  });

  it("knows every rule's target", () => {
    for (const [chain, { rules }] of chains)
      expect(rules().map(({ target }) => target)).toEqual(rulesOf(chain).map((line) => / -j (\S+)/.exec(line)?.[1]));
  });

  it.each([1, 100, 200])("refuses rules that are cut short by %d bytes", (missing) => {
    const entries = table.entries.subarray(0, table.entries.length - missing);
    expect(() => decodeLegacyFilter(family, { ...table, entries })).toThrow(RangeError);
  });
});

it("decodeChains refuses a structure that is cut short, and says which", () => {
  expect(() => decodeChains(new Uint8Array(83))).toThrow(
    "Cannot decode struct ipt_getinfo: 83 bytes, must be at least 84",
  );
});
