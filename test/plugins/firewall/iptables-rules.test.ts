import { describe, expect, it } from "vitest";
import { missingLines } from "../../../plugins/firewall/iptables-rules.ts";
import { parseAddress } from "../../../src/ip/address.ts";
import type { FilterChain } from "../../../src/netfilter/iptables/filter-rule.ts";
import { formatInput } from "../../../src/netfilter/iptables/text.ts";

const addresses = ["10.0.0.2"].map(parseAddress).filter((address) => address !== undefined);
const wanted = { addresses, adminChain: "CNI-ADMIN", isolation: undefined };
const isolation = { policy: "isolated", link: "foo" } as const;
const shared = '-m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)"';
const isolated = '-m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)"';

const accepted = [
  "-A CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT",
];

/** A table with these rules, "CHAIN RULE" each. */
function tableOf(...lines: readonly string[]) {
  const chains = new Map<string, FilterChain>();
  for (const line of lines) {
    const [name = "", ...words] = line.split(" ");
    const text = words.join(" ");
    const rules = chains.get(name)?.rules() ?? [];
    chains.set(name, { policy: undefined, rules: () => (text === "" ? rules : [...rules, { text, target: "" }]) });
  }
  return (name: string) => chains.get(name);
}

describe("missingLines", () => {
  it("of an empty table is all that the reference plugins make, in their order", () => {
    expect(missingLines(tableOf(), wanted)).toEqual([
      "-N CNI-FORWARD",
      "-N CNI-ADMIN",
      '-I FORWARD 1 -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
      '-I CNI-FORWARD 1 -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
      ...accepted,
    ]);
  });

  it("of a table that has had containers is an address's own rules", () => {
    const find = tableOf(
      'FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
      'CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
      "CNI-FORWARD -s 10.0.0.3/32 -j ACCEPT",
      "CNI-ADMIN",
    );
    expect(missingLines(find, wanted)).toEqual(accepted);
  });

  it("with a policy puts the bridge's rules before those of the chain, whose last returns", () => {
    const lines = missingLines(tableOf(), { ...wanted, isolation }).filter((line) => line.includes("ISOLATION"));
    expect(lines).toEqual([
      "-N CNI-ISOLATION-STAGE-1",
      "-N CNI-ISOLATION-STAGE-2",
      `-I FORWARD 1 ${shared} -j CNI-ISOLATION-STAGE-1`,
      `-I CNI-ISOLATION-STAGE-1 1 -i foo ! -o foo ${isolated} -j CNI-ISOLATION-STAGE-2`,
      `-I CNI-ISOLATION-STAGE-1 1 -i foo -o foo ${isolated} -j DROP`,
      `-A CNI-ISOLATION-STAGE-1 ${shared} -j RETURN`,
      `-I CNI-ISOLATION-STAGE-2 1 -o foo ${shared} -j DROP`,
      `-A CNI-ISOLATION-STAGE-2 ${shared} -j RETURN`,
    ]);
  });

  it("with a policy asks CNI-FORWARD about what is published before the policy, whoever has put the policy first", () => {
    const published = '-m conntrack --ctstate DNAT -m comment --comment "CNI firewall plugin rules (published ports)"';
    const line = `-I FORWARD 1 ${published} -j CNI-FORWARD`;
    const find = tableOf(`FORWARD ${shared} -j CNI-ISOLATION-STAGE-1`);
    for (const found of [tableOf(), find]) {
      const lines = missingLines(found, { ...wanted, isolation }).filter((each) => each.startsWith("-I FORWARD"));
      expect(lines.at(-1)).toBe(line);
    }
    expect(missingLines(tableOf(`FORWARD ${published} -j CNI-FORWARD`), { ...wanted, isolation })).not.toContain(line);
    expect(missingLines(tableOf(), wanted)).not.toContain(line);
  });

  it("keeps same-bridge containers of one bridge together", () => {
    const lines = missingLines(tableOf(), { ...wanted, isolation: { ...isolation, policy: "same-bridge" } });
    expect(lines.filter((line) => line.includes("-i foo -o foo"))).toEqual([]);
  });

  it("quotes a name that iptables-restore would read as several words", () => {
    const lines = missingLines(tableOf(), { ...wanted, isolation: { ...isolation, link: "a;b$c" } });
    expect(lines.join("\n")).toContain('-o "a;b$c"');
  });
});

it("formatInput is one transaction of table filter", () => {
  expect(formatInput(["-N A"], "filter")).toBe("*filter\n-N A\nCOMMIT\n");
});
