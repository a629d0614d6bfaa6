import { viewOfStruct } from "./bytes.ts";
import type { Events, Rtnetlink } from "./socket.ts";

/** The events to wait for, those of a multicast group about one link, and for how many milliseconds. */
export interface Wait {
  readonly group: number;
  readonly index: number;
  readonly timeout: number;
}

/**
 * Waits until `check` returns a value, and returns it. It checks at once and after each event of the link. Undefined after the
 * timeout. Throws any error of `check`.
 */
export function waitForEvent<T>(netlink: Rtnetlink, wait: Wait, check: () => T | undefined): T | undefined {
  const now = check();
  if (now !== undefined) return now;
  const deadline = performance.now() + wait.timeout;
  const events = netlink.listen(wait.group);
  try {
    do {
      const found = check();
      if (found !== undefined) return found;
    } while (hasNews(events, wait.index, deadline));
    return undefined;
  } finally {
    events.close();
  }
}

function hasNews(events: Events, index: number, deadline: number): boolean {
  for (;;) {
    const messages = events.next(deadline);
    if (messages === undefined) return false;
    if (messages.length === 0 || messages.some((message) => indexOf(message.payload) === index)) return true;
  }
}

/** struct ifinfomsg and struct ifaddrmsg have the link's index at one offset. */
function indexOf(payload: Uint8Array): number {
  return viewOfStruct(payload, "an event", 8).getInt32(4, true);
}
