import type { Call, Outcome } from "../lab.ts";

/** Has a call's request number `which` to the kernel refused before it gets there; the others go through. */
export function refusing(which: number): Partial<Call> {
  const inject = `inject=sendto:error=EPERM:when=${which}`;
  const options = ["-f", "--seccomp-bpf", "-qq", "-e", "trace=sendto", "-e", "signal=none", "-e", inject];
  return { wrapper: ["strace", ...options, "-o", "/dev/null"] };
}

/** Refuses one request after the other until a call needs no more of them; returns how many it needed. */
export function refuseEach(
  attempt: (which: number) => Outcome,
  verify: (outcome: Outcome, which: number) => void,
): number {
  for (let which = 1; which < 100; which++) {
    const outcome = attempt(which);
    verify(outcome, which);
    if (outcome.status === 0) return which - 1;
  }
  throw new Error("Expected a call to end after fewer than 100 requests");
}
