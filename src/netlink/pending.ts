import { sendAside } from "../linux/aside.ts";
import type { Message } from "./message.ts";

/** How long in ms the kernel may take, and how often it is looked whether somebody still waits for it. */
const ANSWER_MS = 60_000;
const LOOK_MS = 100;

/** A request that the kernel takes its time for, under way. */
export interface Pending {
  /** Waits for the answer, at most so many milliseconds; returns whether it has come. @throws NetlinkError when the request is refused */
  readonly isAnswered: (milliseconds: number) => boolean;
  /** Waits for the answer. @throws as Netlink.request */
  readonly finish: () => void;
  /** The same, but for nothing where the request goes on without this process. */
  readonly leave: () => void;
}

/** How a socket deals with requests. */
interface Exchange {
  readonly fd: number;
  /** Sends the datagram, and returns when the kernel is done. */
  readonly send: () => void;
  /** The messages of the next datagram, or undefined when `deadline` comes first. */
  readonly receive: (deadline: number) => readonly Message[] | undefined;
  /** Reads all answers, of which `first` have been received. @throws NetlinkError, LinuxError ETIMEDOUT */
  readonly collect: (first?: readonly Message[]) => void;
}

/** Begins to send a request, as one datagram. `held` is a descriptor that may be closed only when the kernel is done. */
export function begin(
  { bytes, held }: { bytes: Uint8Array; held: number | undefined },
  { fd, send, receive, collect }: Exchange,
): Pending {
  const aside = sendAside(fd, bytes, held);
  if (aside === undefined) send();
  let isOver = false;
  const end = (wait: () => void) => {
    if (isOver) return;
    isOver = true;
    try {
      wait();
    } finally {
      aside?.release();
    }
  };
  const sendAgain = (milliseconds: number) => {
    send();
    return receive(performance.now() + milliseconds);
  };
  const isAnswered = (milliseconds: number) => {
    if (isOver) return true;
    // Where the other process is no more, and there is no answer even now, somebody has killed it.
    const unsent = () => (aside?.hasEnded() === true ? (receive(0) ?? sendAgain(milliseconds)) : undefined);
    const messages = receive(performance.now() + milliseconds) ?? unsent();
    if (messages === undefined) return false;
    end(() => collect(messages));
    return true;
  };
  const finish = () => {
    const deadline = performance.now() + ANSWER_MS;
    while (!isAnswered(LOOK_MS)) if (performance.now() > deadline) return end(() => collect());
  };
  return { isAnswered, finish, leave: aside?.outlives === true ? () => end(() => {}) : finish };
}
