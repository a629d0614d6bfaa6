import type { Contender } from "./contender.ts";

/** Milliseconds of each contender for each command, by `command` and then contender's name. */
export type Round = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Scenario {
  readonly title: string;
  readonly contenders: readonly {
    readonly name: string;
    readonly folder: "reference" | "dist/bin" | "dist/pkg";
    readonly config: Readonly<Record<string, unknown>>;
  }[];
  /** Contenders that the others are compared with. */
  readonly references: readonly string[];
  /** One round: each command by each contender in turn, A B C, then the next command. */
  readonly play: (contenders: readonly Contender[]) => Promise<Round>;
}

const MASQUERADE = { ipMasq: true };

export const SCENARIOS: readonly Scenario[] = [
  {
    title: "plain",
    references: ["reference"],
    contenders: [
      { name: "reference", folder: "reference", config: {} },
      { name: "dist/bin", folder: "dist/bin", config: {} },
      { name: "dist/pkg", folder: "dist/pkg", config: {} },
    ],
    play: async (contenders) => ({ VERSION: await turn(contenders, "VERSION"), ...(await attachment(contenders)) }),
  },
  {
    title: "ipMasq",
    references: ["reference", "reference, nftables"],
    contenders: [
      { name: "reference", folder: "reference", config: MASQUERADE },
      { name: "reference, nftables", folder: "reference", config: { ...MASQUERADE, ipMasqBackend: "nftables" } },
      { name: "dist/bin", folder: "dist/bin", config: MASQUERADE },
      { name: "dist/pkg", folder: "dist/pkg", config: MASQUERADE },
    ],
    play: attachment,
  },
];

/** ADD, CHECK, DEL of one attachment, prevResult handed on as a runtime does. */
async function attachment(contenders: readonly Contender[]): Promise<Round> {
  const results = new Map<string, unknown>();
  const ADD = await turn(contenders, "ADD", { results });
  const CHECK = await turn(contenders, "CHECK", { prevResults: results });
  const DEL = await turn(contenders, "DEL", { prevResults: results });
  return { ADD, CHECK, DEL };
}

async function turn(
  contenders: readonly Contender[],
  command: string,
  options: { results?: Map<string, unknown>; prevResults?: Map<string, unknown> } = {},
): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const contender of contenders) {
    const prevResult = options.prevResults?.get(contender.name);
    const { ms, stdout } = await contender.run(command, prevResult === undefined ? {} : { prevResult });
    options.results?.set(contender.name, JSON.parse(stdout));
    times[contender.name] = ms;
  }
  return times;
}
