import fs from "#fs";
import * as bounded from "../../src/linux/bounded-file.ts";
import { ERRNO, isLasting } from "../../src/platform/errno.ts";
import { ignoring, succeeds } from "../../src/platform/outcome.ts";
import { errnoOf } from "./store-failure.ts";

/** <fcntl.h>; non-blocking, so that a pipe in a file's place cannot block us. */
const O = { WRONLY: 0o1, CREAT: 0o100, NONBLOCK: 0o4000, NOFOLLOW: 0o400000 } as const;

/** Errors of opening a symbolic link, which must not decide what is written to, and of a pipe that nobody reads. */
const NO_FILE: readonly number[] = [ERRNO.ELOOP, ERRNO.ENXIO];

/** Prefix of a file that the holder of the folder's lock is writing. It is complete only under its real name. */
const DRAFT = ".new-";

/** How often a draft is written if others delete it. */
const DRAFT_ATTEMPTS = 3;

/** A file to publish: its name, text and date in ms. `announce` runs when everything is ready except the name. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
  readonly time?: number;
  readonly announce?: () => void;
}

/**
 * Creates a file with mode 0600, completely or not at all. False if the name is taken. link(2), like O_EXCL, lets only one caller succeed
 * and needs no lock. There is no fsync, which would cost each ADD a disk's latency. It is not needed: a lease ends with its container or
 * with the boot. A power cut may leave an empty file; it has no owner, and the next ADD deletes it.
 */
export function publishFile(folder: string, { name, text, time, announce }: NewFile): boolean {
  const publish = (draft: string) => {
    if (time !== undefined) redate(draft, time);
    announce?.();
    giveName(draft, `${folder}/${name}`);
    discard(draft);
  };
  return succeeds([ERRNO.EEXIST], () => withDraft(folder, text, publish));
}

/** Writes or replaces a file, with mode 0600. Readers see either the old text or the new. */
export function replaceFile(folder: string, name: string, text: string): void {
  withDraft(folder, text, (draft) => fs.renameSync(draft, `${folder}/${name}`));
}

/**
 * Writes a one-line hint into a file, creating it with mode 0600 if needed. A reader at that moment, or after a crash, may find the new
 * text followed by the end of the old one, or nothing, so that must be harmless. A new file in its place would cost 1 ms of an ADD on
 * ext4, which allocates an inode and writes the data at once. A link or a pipe in its place is replaced.
 */
export function overwriteFile(folder: string, name: string, text: string): void {
  const open = () => fs.openSync(`${folder}/${name}`, O.WRONLY | O.CREAT | O.NONBLOCK | O.NOFOLLOW, 0o600);
  const fd = ignoring(NO_FILE, open);
  if (fd === undefined) {
    replaceFile(folder, name, text);
    return;
  }
  try {
    fs.writeSync(fd, text);
    fs.ftruncateSync(fd, text.length);
  } finally {
    fs.closeSync(fd);
  }
}

/** Deletes a second name of a file. If that fails, it is swept later. */
export function discard(path: string): void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      removeFile(path);
      return;
    } catch {
      // The next sweep of the folder tries again.
    }
  }
}

/** Deletes a file; false if there is none. */
export function removeFile(path: string): boolean {
  return succeeds([ERRNO.ENOENT], () => fs.unlinkSync(path));
}

/** Sets a file's date, in ms. */
export function redate(path: string, time: number): void {
  fs.utimesSync(path, time / 1000, time / 1000);
}

/** Creates or replaces a symbolic link; its text is complete at once. Never follows an existing link. */
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

/** The text of a symbolic link; undefined if there is none. @throws errors that may pass, such as EIO and EMFILE */
export function readLink(path: string): string | undefined {
  return ignoring(isLasting, () => fs.readlinkSync(path));
}

/** The text of a file; undefined if it is gone or not a file, such as a folder. @throws errors that may pass, such as EIO and EMFILE */
export function readText(path: string): string | undefined {
  return ignoring(isLasting, () => bounded.readText(path));
}

/** Whether this may be a draft that a killed process left. */
export function isDraft(name: string): boolean {
  return name.startsWith(DRAFT);
}

/**
 * Writes a draft and uses it up. A caller that was stopped and lost the lock may find its draft deleted, and writes another. The safety
 * of its files never depended on the lock.
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

/**
 * Gives the file its name. File systems without hard links (FAT, some network ones) use a copy: also exclusive, but a kill may leave it
 * incomplete.
 */
export function giveName(from: string, to: string): void {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(error) ?? "")) throw error;
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
  }
}

/** A suffix that no other file of the folder has. */
export function uniqueSuffix(): string {
  return Math.random().toString(36).slice(2);
}
