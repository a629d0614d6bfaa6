import { errnoOf } from "../platform/errno.ts";

/** Runs `act`; returns undefined where Linux refuses it with one of these error numbers. Any other error is thrown on. */
export function ignoring<T>(errnos: readonly number[], act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || !errnos.includes(errno)) throw error;
    return undefined;
  }
}
