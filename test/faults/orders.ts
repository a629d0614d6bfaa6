/** What main.ts has a world do. */
export interface Orders {
  readonly part: string;
  readonly seed: number;
  /** The world's share of a part that several play at once. */
  readonly shard: number;
  readonly shards: number;
  readonly milliseconds: number;
  /** How often: faults of each group, kills of each chain, cycles. */
  readonly most?: number | undefined;
  /** The beginning of a group's name, and one fault of it. */
  readonly group?: string | undefined;
  readonly only?: string | undefined;
  /** Where the Go plugins are. */
  readonly reference?: string | undefined;
}
