import fs from "#fs";
import path from "#path";
import { discard } from "../linux/discard.ts";
import { tryFlock, wasFlockHeld } from "../linux/flock.ts";
import { synchronize } from "../linux/replace-file.ts";
import { InstallError } from "./installation.ts";

/** The folder in which files are prepared before each is renamed into place. Who has its lock changes the folder of plugins. */
const STAGING = ".cni-plugins-ts.new";

/** The age in milliseconds at which a staging folder counts as left by a killed installation, on file systems without flock(2). */
const ABANDONED = 10 * 60_000;

/**
 * Runs `act` with an empty folder beside the plugins, which is deleted afterwards. What a killed installation left in it is deleted
 * first. @throws InstallError while another installation runs
 */
export function withStaging<T>(directory: string, act: (staging: string) => T): T {
  const staging = path.join(directory, STAGING);
  const fd = lockStaging(directory, staging);
  try {
    for (const name of fs.readdirSync(staging)) fs.rmSync(path.join(staging, name), { recursive: true, force: true });
    return act(staging);
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
    discard(fd);
  }
}

/** Creates the folder, for root only: who can open it can lock it. Returns its descriptor, with the lock that its death releases. */
function lockStaging(directory: string, staging: string): number {
  for (;;) {
    const isNew = makeStaging(staging);
    const fd = fs.openSync(staging, "r");
    if (tryFlock(fd)) {
      // The last holder deletes the folder before it gives up the lock.
      if (isSame(fd, staging)) return fd;
    } else if (wasFlockHeld() || !(isNew || isAbandoned(staging))) {
      discard(fd);
      const advice = `wait until it ends, or remove ${staging} if none is running`;
      throw new InstallError(`Cannot change ${directory}: another installation is running there`, { advice });
    } else return fd;
    discard(fd);
  }
}

/** Whether the folder was not there before. A link of its name is deleted, because it leads to a folder of somebody else. */
function makeStaging(staging: string): boolean {
  const found = fs.lstatSync(staging, { throwIfNoEntry: false });
  if (found?.isDirectory()) return false;
  if (found !== undefined) fs.rmSync(staging, { force: true });
  fs.mkdirSync(staging, { mode: 0o700 });
  return true;
}

function isSame(fd: number, staging: string): boolean {
  if (!fs.existsSync(staging)) return false;
  const [opened, found] = [fs.fstatSync(fd, { bigint: true }), fs.statSync(staging, { bigint: true })];
  return opened.ino === found.ino && opened.dev === found.dev;
}

function isAbandoned(staging: string): boolean {
  return Date.now() - fs.statSync(staging).mtimeMs > ABANDONED;
}

/** Copies an executable, for everybody to run. It is on the disk when this returns, so that a crash leaves no name with half a file. */
export function copyExecutable(from: string, to: string): void {
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(to, 0o755);
  synchronize(to);
}

/** Gives a file one more name; a copy where the file system has no hard links, or the file has as many as it may. */
export function linkOrCopy(from: string, to: string): void {
  try {
    fs.linkSync(from, to);
  } catch {
    if (isLink(from)) fs.symlinkSync(fs.readlinkSync(from), to);
    else copyExecutable(from, to);
  }
}

/** Writes a text to the disk. */
export function writeText(file: string, text: string): void {
  fs.writeFileSync(file, text, { mode: 0o644 });
  synchronize(file);
}

function isLink(file: string): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFLNK;
}

/** <sys/stat.h> */
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
