import path from "#path";
import { formatCall } from "./call-text.ts";
import type { Build } from "./edge.ts";
import { digestFile, findManifest, findOccupants, InstallError, type Manifest, type Occupant } from "./installation.ts";
import { findPrevious, type Previous } from "./previous.ts";
import { findUnpacked } from "./unpacked.ts";

/** The steps of an installation. */
export interface Plan {
  /** The manifest while names change. With it, every file under these names counts as ours. */
  readonly during: Manifest;
  readonly after: Manifest;
  /** Names that get the new executable, and those that have it already. */
  readonly changing: readonly string[];
  readonly current: readonly string[];
  /** Names of an earlier version that this version no longer has. */
  readonly obsolete: readonly string[];
  /** Names whose files are not ours. */
  readonly foreign: readonly string[];
  readonly directories: readonly string[];
  /** What is to be kept for `cnictl install --rollback`; undefined if there is nothing. */
  readonly previous: Previous | undefined;
  /** Whether this goes on with the last installation, which has kept what was there before it. */
  readonly isContinued: boolean;
}

/** What has to be done so that a directory has the running executable under `wanted` names, or under all. @throws InstallError */
export function planInstallation(
  directory: string,
  { names, version, executable }: Build,
  wanted: readonly string[] = names,
): Plan {
  if (names.length === 0) {
    const advice = "build it with `npm run build`, then run `dist/bin/cnictl install`";
    throw new InstallError("Cannot install: this is not a built executable", { advice });
  }
  const found = findManifest(directory);
  const before = found ?? { names: [], images: [] };
  const isWhole = names.every((name) => wanted.includes(name));
  const image = digestFile(executable);
  const unpacked = findUnpacked(directory) ?? image;
  // The last one is that of the last installation.
  const images = [...new Set([unpacked, ...before.images])].filter((each) => each !== image).concat(image);
  const gone = isWhole ? before.names.filter((name) => !names.includes(name)) : [];
  const others = isWhole ? [] : before.names.filter((name) => !wanted.includes(name));
  const occupants = findOccupants(directory, [...wanted, ...gone]);
  const holding = (test: (occupant: Occupant) => boolean) => (name: string) => test(get(occupants, name));
  const isOurs = ({ kind, digest }: Occupant) => kind === "file" && images.includes(digest);
  const changing = wanted.filter(holding(({ digest }) => digest !== image));
  const obsolete = gone.filter(holding(isOurs));
  const foreign = wanted.filter(
    holding((each) => each.kind !== "nothing" && each.kind !== "directory" && !isOurs(each)),
  );
  return {
    during: { version, names: [...others, ...wanted, ...gone], images, unfinished: true },
    after: { version, names: [...others, ...wanted], images: isWhole ? [image] : images },
    changing,
    current: wanted.filter((name) => !changing.includes(name)),
    obsolete,
    foreign,
    directories: wanted.filter(holding(({ kind }) => kind === "directory")),
    ...planKeeping(directory, { found, image, occupants, touched: [...changing, ...obsolete], foreign }),
  };
}

/** What planKeeping() is given: the manifest, the running image, and the names that change. */
interface Touched {
  readonly found: Manifest | undefined;
  readonly image: string;
  readonly occupants: ReadonlyMap<string, Occupant>;
  readonly touched: readonly string[];
  readonly foreign: readonly string[];
}

/**
 * An installation of the same image continues the last one, and so does one after an interrupted one: what is kept stays kept. A name
 * that it has kept or found free is not looked at again, because it may have the new file by now, unless somebody has put a file of his
 * own there since.
 */
function planKeeping(
  directory: string,
  { found, image, occupants, touched, foreign }: Touched,
): Pick<Plan, "previous" | "isContinued"> {
  const isSame = found !== undefined && (found.unfinished || found.images.at(-1) === image);
  const earlier = isSame ? findPrevious(directory) : undefined;
  const known = [...(earlier?.kept ?? []), ...(earlier?.added ?? [])];
  const left = touched.filter((name) => !known.includes(name) || foreign.includes(name));
  const kept = left.filter((name) => get(occupants, name).kind !== "nothing");
  const added = left.filter((name) => !kept.includes(name));
  const isWorthIt = left.length > 0 && (found !== undefined || kept.length > 0);
  return { previous: isWorthIt ? { manifest: found, kept, added } : undefined, isContinued: earlier !== undefined };
}

/** Refuses to replace directories, and without `force` what is not ours: `again` is the call that does. @throws InstallError */
export function refuseForeign(
  directory: string,
  { foreign, directories }: Plan,
  { force, again }: { force: boolean; again: string },
): void {
  if (directories.length > 0)
    throw new InstallError(`Cannot install in ${directory}: ${directories.join(", ")} there is a directory`);
  if (foreign.length === 0 || force) return;
  // The hint is part of the message, because an installer's log has no terminal.
  const what = `${foreign.join(", ")} there ${foreign.length === 1 ? "is" : "are"} not from cnictl install`;
  const rollback = formatCall("install", { rollback: true, dir: directory });
  const them = foreign.length === 1 ? "it" : "them";
  const hint = `${again} replaces ${them}, and ${rollback} brings ${them} back`;
  throw new InstallError(`Cannot install in ${directory}: ${what}; nothing was changed: ${hint}`);
}

function get(occupants: ReadonlyMap<string, Occupant>, name: string): Occupant {
  return occupants.get(name) ?? { kind: "nothing", digest: "" };
}

/** The files of names in a directory. */
export function filesOf(directory: string, names: readonly string[]): readonly string[] {
  return names.map((name) => path.join(directory, name));
}
