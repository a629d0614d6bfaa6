import type { Cost } from "./contender.ts";
import type { Round } from "./round.ts";
import type { Scenario } from "./scenario.ts";

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
  /** Of the slowest call of each round, where several come at once. */
  readonly slowest: Spread;
  /** Milliseconds of user and system time, of all processes. */
  readonly cpu: Spread;
  /** Megabytes of the largest process. */
  readonly memory: Spread;
  /** This contender's time through a reference's, pair by pair of the same round, by the reference's name. */
  readonly ratios: Readonly<Record<string, Spread>>;
  /** The same of the CPU time. */
  readonly cpuRatios: Readonly<Record<string, Spread>>;
}

/** One row for each command and contender. A round's costs are compared with each other only, so that a slow moment slows both. */
export function summarize(scenario: Scenario, rounds: readonly Round[]): Row[] {
  const commands = Object.keys(rounds[0] ?? {});
  return commands.flatMap((command) =>
    scenario.contenders.map(({ name }) => {
      const of = (who: string, what: keyof Cost) => rounds.map((round) => round[command]?.[who]?.[what] ?? Number.NaN);
      const compare = (what: keyof Cost) => {
        const others = scenario.references.filter((reference) => reference !== name);
        return Object.fromEntries(others.map((other) => [other, spread(ratios(of(name, what), of(other, what)))]));
      };
      return {
        scenario: scenario.title,
        command,
        contender: name,
        ms: spread(of(name, "ms")),
        slowest: spread(of(name, "slowest")),
        cpu: spread(of(name, "cpu")),
        memory: spread(of(name, "memory")),
        ratios: compare("ms"),
        cpuRatios: compare("cpu"),
      };
    }),
  );
}

function ratios(own: readonly number[], theirs: readonly number[]): number[] {
  return own.map((value, i) => value / (theirs[i] ?? Number.NaN));
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
