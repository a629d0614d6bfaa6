/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  /** Of several numbers, each makes another sequence. */
  constructor(...seeds: readonly number[]) {
    this.#state = 0x9e3779b9;
    for (const seed of seeds) this.#state = Math.imul(this.#state ^ seed, 0x85ebca6b) ^ this.integer();
  }

  /** From 0 to 2^32 - 1. */
  integer(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 to the bound, which it never is. */
  below(bound: number): number {
    return this.integer() % bound;
  }

  chance(probability: number): boolean {
    return this.integer() < probability * 2 ** 32;
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error("Cannot pick one of no values");
    return values[this.below(values.length)] as T;
  }
}
