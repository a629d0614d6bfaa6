// How a client of either family asks: a question's number, and the pause until it asks again.

/** The time of a step in ms, and random numbers from 0 (inclusive) to 1 (exclusive). */
export interface Moment {
  readonly now: number;
  readonly random: () => number;
}

/** A client that waits for an answer: it asks again at `wakeAt`. */
export interface Asking {
  readonly xid: number;
  /** When it sent the first question of this kind and the last one, in ms. */
  readonly since: number;
  readonly askedAt: number;
  /** How often it has asked. */
  readonly tries: number;
  readonly wakeAt: number;
}

/** How a client asks for one thing. */
export interface Pacing {
  /** The length of a question's number. */
  readonly xidBits: number;
  /** The first pause between two questions and the longest one, in ms. Each is twice as long as the one before. */
  readonly first: number;
  readonly longest: number;
  /** The part by which a pause is shorter or longer at random, so that clients do not ask at once. */
  readonly jitter: number;
}

/** The shortest pause between two questions for more time, in ms. */
export const SHORTEST_PAUSE = 1000;

/** The first question. */
export function ask(moment: Moment, pacing: Pacing): Asking {
  const { now } = moment;
  const xid = newXid(moment, pacing.xidBits);
  return { xid, since: now, askedAt: now, tries: 1, wakeAt: now + pauseAfter(1, moment, pacing) };
}

/** The next question of the same kind, with the same number. */
export function askAgain({ xid, since, tries }: Asking, moment: Moment, pacing: Pacing): Asking {
  const { now } = moment;
  return { xid, since, askedAt: now, tries: tries + 1, wakeAt: now + pauseAfter(tries + 1, moment, pacing) };
}

/** The pause after a server's refusal: it would say no at once again. */
export function askLater(moment: Moment, { xidBits }: Pick<Pacing, "xidBits">): Asking {
  const { now } = moment;
  const wakeAt = now + SHORTEST_PAUSE * (1 + moment.random());
  return { xid: newXid(moment, xidBits), since: now, askedAt: now, tries: 0, wakeAt };
}

/** A question's number of so many bits. */
export function newXid({ random }: Pick<Moment, "random">, bits: number): number {
  return Math.floor(random() * 2 ** bits);
}

function pauseAfter(count: number, { random }: Moment, { first, longest, jitter }: Pacing): number {
  return Math.min(first * 2 ** Math.max(count - 1, 0), longest) * (1 - jitter + 2 * jitter * random());
}
