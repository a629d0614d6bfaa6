import { backOff } from "../linux/wait.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { type Acknowledgement, decodeAcknowledgement, NetlinkError } from "./acknowledgement.ts";
import type { Message } from "./message.ts";
import { NLM_F, NLMSG } from "./message.ts";

/** How many times a list is requested, because hundreds of parallel calls keep changing it. */
const LIST_ATTEMPTS = 20;

/** A request: the message without the parts that the socket adds, and a description that follows "Cannot" in an error. */
export interface NetlinkRequest {
  readonly type: number;
  /** NLM_F_REQUEST is added. With NLM_F_ACK the kernel confirms the request, with NLM_F_DUMP it sends a list, otherwise one object. */
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly action: string;
  /** Errnos that are valid answers and are not thrown, for example if the object does not exist. */
  readonly expected?: readonly number[];
  /** Selects messages of a list by their payload; others are dropped on arrival. Default: all. */
  readonly keep?: ((payload: Uint8Array) => boolean) | undefined;
  /** Receives the kernel's verdict, also an expected one. */
  readonly hear?: (acknowledgement: Acknowledgement) => void;
}

/** The kernel's answers without acknowledgements. `interrupted`: a list changed while it was sent and may be wrong. */
export interface Answers {
  readonly messages: readonly Message[];
  readonly interrupted: boolean;
}

/**
 * Reads answers until each awaited request, by its sequence number, has its own. Messages with other sequence numbers belong to an
 * earlier request and are skipped. @throws NetlinkError for the first refused request, awaited or not
 */
export function collectAnswers(
  requests: ReadonlyMap<number, NetlinkRequest>,
  options: { awaited: (request: NetlinkRequest) => boolean; receive: () => readonly Message[] },
): Answers {
  const pending = findAwaited(requests, options.awaited);
  const messages: Message[] = [];
  let interrupted = false;
  while (pending.size > 0) {
    for (const message of options.receive()) {
      const request = requests.get(message.sequence);
      if (request === undefined) continue;
      interrupted ||= isInterrupted(message);
      if (isVerdict(message)) refuseFailure(message, request);
      else if (isKept(message, request)) messages.push(message);
      if (isLast(message, request)) pending.delete(message.sequence);
    }
  }
  return { messages, interrupted };
}

/**
 * Requests until the answer is consistent: a list that changed while it was sent is requested again. @throws LinuxError EAGAIN if it
 * changed each of 20 times
 */
export function askUntilWhole(request: NetlinkRequest, ask: () => Answers): readonly Message[] {
  for (let attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
    const answers = ask();
    if (!answers.interrupted) return answers.messages;
    // The first attempts run without a pause.
    if (attempt > 1) backOff(attempt);
  }
  const reason = `the list changed during each of ${LIST_ATTEMPTS} attempts to read it`;
  throw new LinuxError(request.action, { syscall: "recvfrom", errno: ERRNO.EAGAIN, reason });
}

/** The sequence numbers of the requests with an awaited answer. */
function findAwaited(
  requests: ReadonlyMap<number, NetlinkRequest>,
  awaited: (request: NetlinkRequest) => boolean,
): Set<number> {
  const found = new Set<number>();
  for (const [sequence, request] of requests) if (awaited(request)) found.add(sequence);
  return found;
}

function isVerdict(message: Message): boolean {
  return message.type === NLMSG.ERROR || message.type === NLMSG.DONE;
}

function isLast(message: Message, request: NetlinkRequest): boolean {
  return isVerdict(message) || isWhole(request);
}

function isInterrupted({ flags }: Message): boolean {
  return (flags & NLM_F.MULTI) !== 0 && (flags & NLM_F.DUMP_INTR) !== 0;
}

function isKept({ payload }: Message, { keep }: NetlinkRequest): boolean {
  return keep === undefined || keep(payload);
}

function refuseFailure(message: Message, request: NetlinkRequest): void {
  const acknowledgement = decodeAcknowledgement(message);
  request.hear?.(acknowledgement);
  if (acknowledgement.errno === 0 || request.expected?.includes(acknowledgement.errno)) return;
  throw new NetlinkError(request.action, acknowledgement);
}

/** Whether one message completes the answer. */
function isWhole(request: NetlinkRequest): boolean {
  return (request.flags & NLM_F.ACK) === 0 && (request.flags & NLM_F.DUMP) !== NLM_F.DUMP;
}
