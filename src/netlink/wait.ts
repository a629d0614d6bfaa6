import { viewOfStruct } from "./bytes.ts";
import type { Events, Rtnetlink } from "./socket.ts";

/** Which events matter: those of a multicast group that are about a link; and how many milliseconds to wait for them. */
export interface Wait {
  readonly group: number;
  readonly index: number;
  readonly timeout: number;
}

/**
 * Waits until `check` returns something, and returns that: at once if it does so now, else after an event of the link's.
 * Undefined when the time is over first. Whatever `check` throws comes through.
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

/** Both struct ifinfomsg and struct ifaddrmsg have the link's index at the same place. */
function indexOf(payload: Uint8Array): number {
  return viewOfStruct(payload, "an event", 8).getInt32(4, true);
}
