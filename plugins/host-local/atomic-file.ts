import fs from "#fs";
import * as bounded from "../../src/linux/bounded-file.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { errnoOf } from "./store-failure.ts";

/** <fcntl.h>; non-blocking, so that a pipe in a file's place cannot hang us. */
const O = { WRONLY: 0o1, CREAT: 0o100, NONBLOCK: 0o4000 } as const;

/** A file being written, by who holds the folder's lock; whole only once it has its real name. */
const DRAFT = ".new-";

/** How often a draft is written where others keep sweeping it away. */
const DRAFT_ATTEMPTS = 3;

/** A file to publish: its name, what it says, its date in ms, and what comes first once nothing but its name is missing. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
  readonly time?: number;
  readonly announce?: () => void;
}

/**
 * Creates a file that is either whole or not there, whatever happens on the way, with mode 0600. False where the name
 * is taken: link(2), like O_EXCL, lets one caller win, and needs no lock.
 *
 * There is no fsync: a lease outlives neither its container nor the boot, so what a power cut may leave, an empty file,
 * names nobody and is cleared away by the next ADD; a sync would cost each ADD a disk's latency.
 */
export function publishFile(folder: string, { name, text, time, announce }: NewFile): boolean {
  try {
    withDraft(folder, text, (draft) => {
      if (time !== undefined) redate(draft, time);
      announce?.();
      giveName(draft, `${folder}/${name}`);
      discard(draft);
    });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Writes a file of that name, or replaces it; who reads it meanwhile sees the old text or the new. Mode 0600. */
export function replaceFile(folder: string, name: string, text: string): void {
  withDraft(folder, text, (draft) => fs.renameSync(draft, `${folder}/${name}`));
}

/**
 * Writes a hint of a line into a file of that name, which is made where it is missing, mode 0600. Who reads it at that moment, or after
 * a crash, may find the new text with the end of the old one behind it, or nothing: it must do no harm. A new file in the old one's
 * place would cost 1 ms of an ADD on ext4, which makes an inode for it and then writes its data out at once.
 */
export function overwriteFile(folder: string, name: string, text: string): void {
  const fd = fs.openSync(`${folder}/${name}`, O.WRONLY | O.CREAT | O.NONBLOCK, 0o600);
  try {
    fs.writeSync(fd, text);
    fs.ftruncateSync(fd, text.length);
  } finally {
    fs.closeSync(fd);
  }
}

/** Removes a second name of a file; one that stays is swept away later. */
export function discard(path: string): void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      removeFile(path);
      return;
    } catch {
      // Whoever sweeps the folder tries again.
    }
  }
}

/** Removes a file; false where there is none. */
export function removeFile(path: string): boolean {
  try {
    fs.unlinkSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Dates a file, in ms. */
export function redate(path: string, time: number): void {
  fs.utimesSync(path, time / 1000, time / 1000);
}

/** Makes a symbolic link, whose text is there at once and whole, or replaces it. A link of another text is never followed. */
export function placeLink(path: string, text: string): void {
  try {
    fs.symlinkSync(text, path);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    const draft = `${path.slice(0, path.lastIndexOf("/"))}/${DRAFT}${uniqueSuffix()}`;
    fs.symlinkSync(text, draft);
    try {
      fs.renameSync(draft, path);
    } catch (failure) {
      removeFile(draft);
      throw failure;
    }
  }
}

/** The text of a symbolic link; undefined where there is none. @throws what passes: EIO, EMFILE and the like */
export function readLink(path: string): string | undefined {
  return unlessPassing(() => fs.readlinkSync(path));
}

/** The text of a file; undefined where it is gone or is none, a folder for one. @throws what passes: EIO, EMFILE and the like */
export function readText(path: string): string | undefined {
  return unlessPassing(() => bounded.readText(path));
}

function unlessPassing(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (isPassing(error)) throw error;
    return undefined;
  }
}

/** Whether a killed process may have left this file while it wrote another. */
export function isDraft(name: string): boolean {
  return name.startsWith(DRAFT);
}

/**
 * Writes a draft and uses it up. One who lost the lock while it was stopped finds its draft swept away, and writes
 * another: being alone was never what made its files safe.
 */
function withDraft(folder: string, text: string, use: (draft: string) => void): void {
  for (let attempt = 1; ; attempt += 1) {
    const draft = `${folder}/${DRAFT}${uniqueSuffix()}`;
    try {
      fs.writeFileSync(draft, text, { flag: "wx", mode: 0o600 });
      use(draft);
      return;
    } catch (error) {
      removeFile(draft);
      if (errnoOf(error) !== "ENOENT" || attempt === DRAFT_ATTEMPTS) throw error;
    }
  }
}

/** File systems without hard links (FAT, some network ones) copy: exclusive as well, but a kill may leave it torn. */
export function giveName(from: string, to: string): void {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(error) ?? "")) throw error;
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
  }
}

/** Letters that no other file of the folder has at the end of its name. */
export function uniqueSuffix(): string {
  return Math.random().toString(36).slice(2);
}
