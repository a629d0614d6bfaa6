// The tables of iptables, as its commands print and change them.

/** The rules of each chain, as `iptables -S` prints them. */
export type Chains = Map<string, string[]>;

/** The chains of a new table. */
export const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  raw: ["PREROUTING", "OUTPUT"],
};

/** The output of `iptables -S`. */
export function list(chains: ReadonlyMap<string, readonly string[]>): string {
  const isBuiltIn = (name: string) => Object.values(BUILT_IN).flat().includes(name);
  return [
    ...[...chains.keys()].map((name) => (isBuiltIn(name) ? `-P ${name} ACCEPT` : `-N ${name}`)),
    ...[...chains.values()].flat(),
    "",
  ].join("\n");
}

/** Makes the change of one line of an input of iptables-restore. @throws Error if it cannot be made */
export function change(chains: Chains, line: string): void {
  const [, action = "", name = "", rest = ""] = /^-([NIADFX]) (\S+)(?: 1(?= -))?( .+)?$/.exec(line) ?? [];
  const rules = chains.get(name);
  const rule = `-A ${name}${rest}`;
  const at = rules?.indexOf(rule) ?? -1;
  const isUsed = [...chains.values()].flat().some((each) => each.endsWith(` -j ${name}`));
  if (action === "N" && rules === undefined) chains.set(name, []);
  else if (action === "I" && rules !== undefined) rules.unshift(rule);
  else if (action === "A" && rules !== undefined) rules.push(rule);
  else if (action === "D" && at >= 0) rules?.splice(at, 1);
  else if (action === "F" && rules !== undefined) rules.splice(0);
  else if (action === "X" && rules?.length === 0 && !isUsed) chains.delete(name);
  else throw new Error(`line "${line}" failed`);
}
