import fs from "#fs";
import { discard } from "./discard.ts";

/** What is written: a text, with the mode of its file. */
export interface Replacement {
  readonly text: string;
  readonly mode: number;
  /** The file's path until it is complete, in the same folder. One that a killed process left is replaced. */
  readonly draft: string;
  /** Whether it has to be on the disk before it gets its name, so that a crash leaves no name with half a file. */
  readonly isDurable?: boolean;
}

/**
 * Writes a file, or replaces it, whole or not at all: a reader sees the old text or the new. Never follows a symbolic link.
 * @throws the errors of node:fs
 */
export function replaceFile(file: string, { draft, text, mode, isDurable = false }: Replacement): void {
  fs.rmSync(draft, { force: true });
  try {
    fs.writeFileSync(draft, text, { flag: "wx", mode });
    if (isDurable) synchronize(draft);
    fs.renameSync(draft, file);
  } catch (error) {
    try {
      fs.rmSync(draft, { force: true });
    } catch {
      // The first error says more.
    }
    throw error;
  }
}

/** Waits until the disk has what was written into a file. fsync(2) */
export function synchronize(file: string): void {
  const fd = fs.openSync(file, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    discard(fd);
  }
}
