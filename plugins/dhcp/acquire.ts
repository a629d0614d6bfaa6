import { CniError } from "../../src/cni/error.ts";
import { advance, begin, type Happening, type Moment } from "../../src/dhcp/client.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import type { Identity, Outgoing } from "../../src/dhcp/question.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { poll } from "../../src/linux/poll.ts";
import { randomBytes } from "../../src/linux/random.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import type { Container } from "../../src/steps/host.ts";
import type { Wire } from "./wire.ts";

/** How often servers may say no before ADD gives up: they would say it again. */
const MOST_REFUSALS = 5;

/** What a client has seen while it had no lease. */
interface Seen {
  questions: number;
  refusals: number;
  /** The last time that a server said no: that says more than an offer after it. */
  refusal?: Extract<Happening, { kind: "refused" }>;
  last?: Happening;
  failure?: LinuxError;
}

/**
 * Asks for a lease until `deadline`, in ms of the boot's clock. @throws CniError tryAgainLater that says what was seen
 */
export function acquireLease(
  identity: Identity,
  { wire, container }: { wire: Wire; container: Container },
  { deadline, ifname }: { deadline: number; ifname: string },
): Lease {
  const seen: Seen = { questions: 0, refusals: 0 };
  const began = readBootClock();
  let step = begin(identity, readMoment());
  for (;;) {
    if (step.send !== undefined) trySending(wire, { outgoing: step.send, container, seen });
    const { state, happened } = step;
    if (happened?.kind === "leased") return happened.lease;
    if (happened?.kind === "refused") {
      seen.refusals += 1;
      seen.refusal = happened;
    }
    if (happened !== undefined) seen.last = happened;
    const now = readBootClock();
    if (now >= deadline || seen.refusals >= MOST_REFUSALS) throw describe(seen, ifname, now - began);
    poll([wire.fd], Math.min(state.wakeAt, deadline) - now);
    step = advance(identity, readMoment(), state, tryReceiving(wire, seen));
  }
}

/** The time of a step, and random numbers of the kernel. */
export function readMoment(): Moment {
  const random = () => new DataView(randomBytes(4).buffer).getUint32(0) / 2 ** 32;
  return { now: readBootClock(), random };
}

/** A question that cannot be sent counts as lost: the link may come up again. */
function trySending(
  wire: Wire,
  { outgoing, container, seen }: { outgoing: Outgoing; container: Container; seen: Seen },
): void {
  seen.questions += 1;
  noteFailure(() => wire.send(outgoing, container), seen);
}

function tryReceiving(wire: Wire, seen: Seen): ReturnType<Wire["receive"]> {
  return noteFailure(() => wire.receive(), seen) ?? [];
}

function noteFailure<T>(act: () => T, seen: Seen): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    seen.failure = error;
    return undefined;
  }
}

/** What was seen, for whoever has to find the reason. */
function describe({ questions, refusal, last, failure }: Seen, ifname: string, milliseconds: number): CniError {
  const time = `${Math.round(milliseconds / 1000)} s`;
  const base = `Cannot get a DHCP lease for "${ifname}" within ${time}`;
  const refuse = (found: string, details: string) =>
    new CniError("tryAgainLater", `${base}: ${found}`, { details, cause: failure });
  if (refusal !== undefined) {
    const text = refusal.text === undefined ? "" : ` (${JSON.stringify(refusal.text)})`;
    return refuse(`server ${show(refusal.server)} refused${text}`, "see the server's log");
  }
  if (last?.kind === "offered") {
    const offer = `server ${show(last.server)} offered ${show(last.address)}, and did not answer the request for it`;
    return refuse(offer, "see the server's log");
  }
  if (failure !== undefined) return refuse(failure.message, "see whether the link is up");
  return refuse(`no server answered ${questions} questions`, NO_ANSWER);
}

const NO_ANSWER =
  "see whether a DHCP server serves the network of this link, has free addresses, and is reached by broadcasts: a switch, a Wi-Fi or a hypervisor may let only one MAC through";

function show(address: Address | undefined): string {
  return address === undefined ? "unknown" : formatAddress(address);
}
