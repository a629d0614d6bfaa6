import path from "node:path";
import type { Family } from "../../../src/ip/address.ts";
import type { Exit, LaunchOptions } from "../../../src/linux/child.ts";
import { parseJump } from "../../../src/netfilter/iptables/text.ts";
import type { Variant } from "../../../src/netfilter/iptables/tool.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { goTo, jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable, deleteTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { IPTABLES_NAT, OWN_TABLES } from "../../../src/netfilter/tables.ts";
import type { Host } from "../../../src/steps/host.ts";
import type { FakeKernel } from "../../kernel/fake-kernel.ts";
import { BUILT_IN, type Chains, change, list } from "./iptables-table.ts";

/** What a command answers in place of its work. */
type Answer = Pick<Exit, "status"> & { readonly signal?: number; readonly stderr: string };

/**
 * The tools of netfilter on a host: iptables-nft, whose tables are in a kernel in memory, iptables-legacy, whose tables are here, and nft
 * for conditions. Rules of iptables-nft keep their text in the kernel.
 */
export class IptablesHost {
  /** What has been started, with its arguments but for times: "iptables -t nat -S". */
  readonly commands: string[] = [];
  /** What XTABLES_LOCKFILE was for each of them. */
  readonly lockFiles: (string | undefined)[] = [];
  /** The inputs of iptables-restore and nft. */
  readonly inputs: string[] = [];
  /** What happens before the next commands that change rules, or their answers, the first for the next one. */
  readonly before: ((() => void) | Answer)[] = [];
  /** What happens right after the next command that changes rules. */
  after = () => {};
  /** Commands that are not installed. */
  readonly missing = new Set<string>();
  /** Whose tables the commands without a variant in their names change. */
  variant: Variant = "legacy";
  readonly #kernel: FakeKernel;
  readonly #legacy = new Map<string, Chains>();

  constructor(kernel: FakeKernel) {
    this.#kernel = kernel;
  }

  hasLegacy(family: Family, table: string): boolean {
    return this.#legacy.has(`${family} ${table}`);
  }

  findInLegacy(family: Family, table: string, texts: readonly string[]): readonly string[] {
    const all = list(this.#legacy.get(`${family} ${table}`) ?? new Map()).replaceAll("\\", "");
    return texts.filter((text) => all.includes(text));
  }

  findExecutable(names: readonly string[]): string | undefined {
    const name = names.find((each) => !this.missing.has(each));
    return name === undefined ? undefined : `/sbin/${name}`;
  }

  /** The rules of a table, without its chains. */
  rules(family: Family = 4, { table = "nat", variant = this.variant } = {}): readonly string[] {
    return list(this.#read(variant, family, table))
      .split("\n")
      .filter((line) => line.startsWith("-A"));
  }

  /** The names of the chains that are not built in. */
  chains(family: Family = 4, variant = this.variant): readonly string[] {
    return [...this.#read(variant, family, "nat").keys()].filter((name) => !BUILT_IN["nat"]?.includes(name));
  }

  /** Has rules of others in the host's table nat. */
  restore(family: Family, lines: readonly string[], { table = "nat", variant = this.variant } = {}): void {
    const chains = this.#read(variant, family, table);
    for (const line of lines) change(chains, line);
    this.#write(variant, family, { table, chains });
  }

  readonly launch: Host["launch"] = (executable, options) => ({
    begin: () => {},
    wait: () => {
      const { status, signal, stderr, stdout = "" } = this.#run(path.basename(executable), options);
      const encoder = new TextEncoder();
      return { status, signal, stdout: encoder.encode(stdout), stderr: encoder.encode(stderr) };
    },
    abandon: () => {},
  });

  #run(name: string, { args = [], environment, stdin }: LaunchOptions): Answer & { stdout?: string } {
    const isTime = (arg: string, index: number) => arg === "-w" || ["-w", "--wait"].includes(args[index - 1] ?? "");
    this.commands.push([name, ...args.filter((arg, index) => !isTime(arg, index))].join(" "));
    this.lockFiles.push(environment["XTABLES_LOCKFILE"]);
    const [, tool = "", variant = this.variant, restores] =
      /^(iptables|ip6tables|nft)(?:-(legacy|nft))?(-restore)?$/.exec(name) ?? [];
    const family = tool === "ip6tables" ? 6 : 4;
    if (tool !== "nft" && restores === undefined) return this.#list(variant as Variant, family, args);
    const input = new TextDecoder().decode(stdin);
    this.inputs.push(input);
    const next = this.before.shift();
    if (typeof next === "object") return next;
    next?.();
    try {
      if (tool === "nft") this.#addConditions(input);
      else this.#apply(variant as Variant, family, input);
      this.after();
      return { status: 0, stderr: "" };
    } catch (error) {
      return { status: 1, stderr: String(error) };
    }
  }

  #list(variant: Variant, family: Family, args: readonly string[]): Answer & { stdout?: string } {
    const [table = "", chain] = [args[args.indexOf("-t") + 1], args[args.indexOf("-S") + 1]];
    const chains = this.#read(variant, family, table);
    if (chain === undefined) return { status: 0, stdout: list(chains), stderr: "" };
    const rules = chains.get(chain);
    if (rules === undefined) return { status: 1, stderr: "iptables: No chain/target/match by that name." };
    return { status: 0, stdout: list(new Map([[chain, rules]])), stderr: "" };
  }

  /** Applies all lines of an input of iptables-restore, or none. */
  #apply(variant: Variant, family: Family, input: string): void {
    const [first = "", ...lines] = input.trimEnd().split("\n");
    const table = first.replace("*", "");
    if (BUILT_IN[table] === undefined || lines.pop() !== "COMMIT") throw new Error(`not an input: ${input}`);
    this.restore(family, lines, { table, variant });
  }

  /** Adds the rules `add rule inet TABLE CHAIN CONDITIONS goto TARGET`, or none. */
  #addConditions(input: string): void {
    const changes = input
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [, table, chain, text = "", target = ""] = /^add rule inet (\S+) (\S+) (.+) goto (\S+)$/.exec(line) ?? [];
        if (table !== OWN_TABLES.ports.table) throw new Error(`syntax error in ${line}`);
        return addRule({
          ...OWN_TABLES.ports,
          chain,
          label: text,
          expressions: [...text.split(" ").map(textOf), goTo(target)],
        });
      });
    applyTransaction(this.#kernel.openNetfilter(), changes, { action: "nft -f -" });
  }

  #read(variant: Variant, family: Family, table: string): Chains {
    const empty: Chains = new Map((BUILT_IN[table] ?? []).map((name) => [name, []]));
    if (variant === "legacy") return structuredClone(this.#legacy.get(`${family} ${table}`)) ?? empty;
    const there = this.#kernel.host.rules.find(IPTABLES_NAT[family].family, table);
    if (there === undefined) return empty;
    const netlink = this.#kernel.openNetfilter();
    return new Map(
      there.chains.map(({ described: { name } }) => {
        const rules = listRules(netlink, { ...IPTABLES_NAT[family], table, name });
        return [name, rules.flatMap(({ expressions = [] }) => expressions.flatMap(readText))];
      }),
    );
  }

  #write(variant: Variant, family: Family, { table, chains }: { table: string; chains: Chains }): void {
    if (variant === "legacy") {
      this.#legacy.set(`${family} ${table}`, chains);
      return;
    }
    const place = { ...IPTABLES_NAT[family], table };
    const isThere = this.#kernel.host.rules.find(place.family, table) !== undefined;
    const names = [...chains.keys()];
    const rules = [...chains].flatMap(([chain, texts]) => texts.map((text) => ({ chain, text })));
    const changes = [
      ...(isThere ? [deleteTable({ family: place.family, name: table })] : []),
      addTable({ family: place.family, name: table, flags: 0 }),
      ...names.map((name) => addChain({ ...place, name })),
      ...rules.map(({ chain, text }) => {
        const to = names.filter((name) => text.endsWith(` -j ${name}`)).map(jump);
        const { comment } = parseJump(text, chain) ?? {};
        const userdata = comment === undefined ? {} : { userdata: commented("rule", comment) };
        return addRule({ ...place, chain, label: text, expressions: [textOf(text), ...to], ...userdata });
      }),
    ];
    applyTransaction(this.#kernel.openNetfilter(), changes, { action: "iptables-nft-restore" });
  }
}

function textOf(text: string) {
  return { name: "other", kind: "text", bytes: new TextEncoder().encode(text) } as const;
}

function readText(expression: { readonly name: string; readonly bytes?: Uint8Array }): readonly string[] {
  return expression.name === "other" ? [new TextDecoder().decode(expression.bytes)] : [];
}
