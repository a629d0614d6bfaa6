import { CniError, reasonOf } from "./error.ts";

/** Standard output cannot be written: its file system is full, or it is closed. */
export class OutputError extends CniError {
  constructor(cause: unknown) {
    super("ioFailure", `error writing to stdout: ${reasonOf(cause)}`, { cause });
  }
}
