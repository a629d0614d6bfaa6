import fs from "#fs";
import path from "#path";
import { formatManifest, InstallError, MANIFEST, type Manifest } from "./installation.ts";

/** The folder in which files are prepared before each is renamed into place. Only one exists at a time. */
const STAGING = ".cni-plugins-ts.new";

/** The age in milliseconds at which a staging folder counts as left by an interrupted installation. */
const ABANDONED = 10 * 60_000;

interface Replacement {
  readonly executable: string;
  readonly during: Manifest;
  readonly after: Manifest;
  readonly obsolete: readonly string[];
}

/**
 * Installs an executable under all names of `after`, as hard links if the file system supports them, and deletes the obsolete names.
 * Every file appears by rename(2). A second run completes an interrupted one. @throws InstallError while another installation runs;
 * Error of the file operation that failed
 */
export function replaceFiles(directory: string, { executable, during, after, obsolete }: Replacement): void {
  const staging = openStaging(directory);
  try {
    const image = path.join(staging, "image");
    copyImage(executable, image);
    placeText(path.join(directory, MANIFEST), { staging, text: formatManifest(during) });
    for (const name of after.names) placeLink(path.join(directory, name), { staging, image });
    for (const name of obsolete) fs.rmSync(path.join(directory, name), { force: true });
    placeText(path.join(directory, MANIFEST), { staging, text: formatManifest(after) });
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}

/** Creating the folder keeps a second installation out. */
function openStaging(directory: string): string {
  fs.mkdirSync(directory, { recursive: true });
  const staging = path.join(directory, STAGING);
  const stat = fs.statSync(staging, { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > ABANDONED) fs.rmSync(staging, { recursive: true, force: true });
  try {
    fs.mkdirSync(staging, { mode: 0o700 });
    return staging;
  } catch (cause) {
    if (!fs.existsSync(staging)) throw cause;
    const advice = `wait until it ends, or remove ${staging} if none is running`;
    throw new InstallError(`Cannot install in ${directory}: another installation is running there`, { advice, cause });
  }
}

/** Writes the file to disk before it gets its names, so that a crash cannot leave a name with half a file. */
function copyImage(executable: string, image: string): void {
  fs.copyFileSync(executable, image, fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(image, 0o755);
  const fd = fs.openSync(image, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function placeLink(file: string, { staging, image }: { staging: string; image: string }): void {
  const fresh = path.join(staging, path.basename(file));
  try {
    fs.linkSync(image, fresh);
  } catch {
    // The file system has no hard links, or the file has reached their limit.
    copyImage(image, fresh);
  }
  fs.renameSync(fresh, file);
}

function placeText(file: string, { staging, text }: { staging: string; text: string }): void {
  const fresh = path.join(staging, path.basename(file));
  fs.writeFileSync(fresh, text, { mode: 0o644 });
  fs.renameSync(fresh, file);
}
