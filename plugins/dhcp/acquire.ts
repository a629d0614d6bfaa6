import { CniError } from "../../src/cni/error.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { poll } from "../../src/linux/poll.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { handling } from "../../src/platform/outcome.ts";
import type { Conversation, Told } from "./conversation.ts";
import type { LeaseLink } from "./lease-link.ts";

/** How often servers may say no before ADD gives up: they would say it again. */
const MOST_REFUSALS = 5;

/** What a client has seen while it had no lease. */
interface Seen {
  questions: number;
  refusals: number;
  /** The last time that a server said no: that says more than an offer after it. */
  refusal?: Extract<Told<never>, { kind: "refused" }>;
  last?: Told<unknown>;
  failure?: LinuxError;
}

/**
 * Asks for a lease until `deadline`, in ms of the boot's clock. `what` is asked for, in words. @throws CniError tryAgainLater that says
 * what was seen
 */
export function acquireLease<Lease>(
  client: Conversation<Lease>,
  place: LeaseLink,
  { deadline, what, advice }: { deadline: number; what: string; advice: string },
): Lease {
  const seen: Seen = { questions: 0, refusals: 0 };
  const began = readBootClock();
  try {
    client.open(place);
    for (;;) {
      noteFailure(() => client.listen(), seen);
      const happened = client.advance();
      if (happened?.kind === "leased") return happened.lease;
      if (happened?.kind === "refused") {
        seen.refusals += 1;
        seen.refusal = happened;
      }
      if (happened !== undefined) seen.last = happened;
      trySending(client, place, seen);
      const now = readBootClock();
      if (now >= deadline || seen.refusals >= MOST_REFUSALS)
        throw describe(seen, { what, advice, milliseconds: now - began });
      poll(client.fds(), Math.min(client.wakeAt(), deadline) - now);
    }
  } finally {
    client.leave();
  }
}

/** A question that cannot be sent counts as lost: the link may come up again. */
function trySending(client: Conversation<unknown>, place: LeaseLink, seen: Seen): void {
  if (noteFailure(() => client.send(place), seen) ?? true) seen.questions += 1;
}

function noteFailure<T>(act: () => T, seen: Seen): T | undefined {
  return handling([LinuxError], act, (error) => {
    seen.failure = error;
    return undefined;
  });
}

/** What was seen, for whoever has to find the reason. */
function describe(
  { questions, refusal, last, failure }: Seen,
  { what, advice, milliseconds }: { what: string; advice: string; milliseconds: number },
): CniError {
  const base = `Cannot get ${what} within ${Math.round(milliseconds / 1000)} s`;
  const refuse = (found: string, details: string) =>
    new CniError("tryAgainLater", `${base}: ${found}`, { details, cause: failure });
  if (refusal !== undefined) {
    const text = refusal.text === undefined ? "" : ` (${JSON.stringify(refusal.text)})`;
    return refuse(`server ${refusal.server ?? "unknown"} refused${text}`, "see the server's log");
  }
  if (last?.kind === "offered") {
    const offer = `server ${last.server} offered ${formatAddress(last.address)}, and did not answer the request for it`;
    return refuse(offer, "see the server's log");
  }
  if (failure !== undefined) return refuse(failure.message, "see whether the link is up");
  return refuse(`no server answered ${questions} questions`, advice);
}
