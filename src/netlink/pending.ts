import { sendAside } from "../linux/aside.ts";
import type { Message } from "./message.ts";

/** How long in ms the kernel may take, and how often to check whether the sending process has ended. */
const ANSWER_MS = 60_000;
const LOOK_MS = 100;

/** A pending request that the kernel needs long for. */
export interface Pending {
  /** Waits at most so many milliseconds for the answer; returns whether it has arrived. @throws NetlinkError if the request is refused */
  readonly isAnswered: (milliseconds: number) => boolean;
  /** Waits for the answer. @throws as Netlink.request */
  readonly finish: () => void;
  /** Waits for the answer, unless the request continues without this process. @throws as Netlink.request */
  readonly leave: () => void;
}

/** A socket's functions for requests. */
interface Exchange {
  readonly fd: number;
  /** Sends the datagram and returns when the kernel has processed it. */
  readonly send: () => void;
  /** The messages of the next datagram, or undefined if `deadline` passes first. */
  readonly receive: (deadline: number) => readonly Message[] | undefined;
  /** Reads all answers; `first` are already received. @throws NetlinkError, LinuxError ETIMEDOUT */
  readonly collect: (first?: readonly Message[]) => void;
}

/** Starts to send a request as one datagram. `held` is a descriptor that stays open until the kernel is done. */
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
    // If the sending process has ended and there is still no answer, it was killed.
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
