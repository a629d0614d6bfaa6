import path from "#path";
import { shortDigest } from "../executable.ts";
import { findManifest } from "../installation.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { findOverwritten, type Overwritten } from "./overwritten.ts";

/** Whether the names of this image are one file in each folder of CNI_PATH, and the image that runs now. */
export const imageCheck: Check = {
  name: "image",
  run: (examination) =>
    examination.runtime.path.flatMap((folder) => orCannotTell(folder, () => judgeFolder(examination, folder))),
};

function judgeFolder({ edge, findExecutable }: Examination, folder: string): readonly Found[] {
  const { names, executable } = edge.build;
  const found = names.flatMap((name) => findExecutable(path.join(folder, name)) ?? []);
  const overwritten = findOverwritten(found);
  if (overwritten !== undefined) return [describeOverwritten(folder, { overwritten, count: found.length })];
  const image = findExecutable(executable)?.digest ?? "";
  const manifest = findManifest(folder);
  const ours = found.filter(({ digest }) => digest === image);
  if (ours.length === 0 && manifest === undefined) return [];
  const install = `cnictl install --dir ${folder}`;
  const gone = (manifest?.names ?? []).filter((name) => !found.some((each) => each.name === name));
  const list = (each: readonly { readonly name: string }[]) => each.map(({ name }) => name).join(", ");
  const foreign = found.filter(({ digest }) => digest !== image);
  const earlier = foreign.filter(({ digest }) => manifest?.images.includes(digest));
  const go = foreign.filter(({ isGo }) => isGo);
  const other = foreign.filter((each) => !earlier.includes(each) && !go.includes(each));
  const files = new Set(ours.map(({ identity }) => identity));
  const findings: readonly Found[] = [
    ...some(gone, {
      level: "error",
      message: `missing, although cnictl install put it there: ${gone.join(", ")}`,
      cure: install,
    }),
    ...some(earlier, { level: "note", message: `of another build than this cnictl: ${list(earlier)}`, cure: install }),
    ...some(other, {
      level: "warning",
      message: `neither this cnictl's nor what cnictl install put there: ${list(other)}`,
      cure: `${install} --force`,
    }),
    ...some(go, { level: "note", message: `Go plugins among these: ${list(go)}`, cure: `${install} --force` }),
    ...some([...files].slice(1), {
      level: "note",
      message: `the plugins are ${files.size} copies instead of links of one file, so bridge starts host-local as a process`,
      cure: install,
    }),
  ].map((each) => ({ ...each, subject: folder }));
  if (findings.length > 0) return findings;
  return [{ level: "ok", subject: folder, message: `one image, ${ours.length} names, ${shortDigest(image)}` }];
}

function describeOverwritten(
  folder: string,
  { overwritten: { names, plugin }, count }: { overwritten: Overwritten; count: number },
): Found {
  const which = names.length === count ? "all names there" : names.map(({ name }) => name).join(", ");
  const message = `${which} are one file, which is ${plugin ?? "another program"}, made with Go: somebody copied it over a link`;
  return { level: "error", subject: folder, message, cure: `cnictl install --dir ${folder} --force` };
}

function some(matches: readonly unknown[], finding: Omit<Found, "subject">): readonly Omit<Found, "subject">[] {
  return matches.length === 0 ? [] : [finding];
}
