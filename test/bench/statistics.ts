import type { Round, Scenario } from "./scenario.ts";

/** Median and quartiles. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface Row {
  readonly scenario: string;
  readonly command: string;
  readonly contender: string;
  readonly ms: Spread;
  /** This contender's time through a reference's, pair by pair of the same round, by the reference's name. */
  readonly ratios: Readonly<Record<string, Spread>>;
}

/** One row for each command and contender. A round's times are compared with each other only, so that a slow moment slows both. */
export function summarize(scenario: Scenario, rounds: readonly Round[]): Row[] {
  const commands = Object.keys(rounds[0] ?? {});
  return commands.flatMap((command) =>
    scenario.contenders.map(({ name }) => {
      const times = (who: string) => rounds.map((round) => round[command]?.[who] ?? Number.NaN);
      const own = times(name);
      const ratios = scenario.references
        .filter((reference) => reference !== name)
        .map((reference) => {
          const theirs = times(reference);
          return [reference, spread(own.map((ms, i) => ms / (theirs[i] ?? Number.NaN)))] as const;
        });
      return {
        scenario: scenario.title,
        command,
        contender: name,
        ms: spread(own),
        ratios: Object.fromEntries(ratios),
      };
    }),
  );
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75) };
}

/** Between the two nearest values, in proportion. */
function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
