import { errnoOf } from "../platform/errno.ts";

/** Runs `act`. Returns undefined if Linux refuses it with one of these errnos. Throws any other error. */
export function ignoring<T>(errnos: readonly number[], act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || !errnos.includes(errno)) throw error;
    return undefined;
  }
}
