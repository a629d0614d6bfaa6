import type { Operand, Options, VARIABLES } from "./option.ts";

/** What a subcommand takes, and what people read of it. */
export interface Description {
  readonly name: string;
  /** A summary in a few words. */
  readonly summary: string;
  /** What it does, one entry for each line. */
  readonly help: readonly string[];
  readonly operands: readonly Operand[];
  readonly options: Options;
  /** The variables that it reads. */
  readonly environment: readonly (keyof typeof VARIABLES)[];
}
