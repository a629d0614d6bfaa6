import fs from "#fs";
import path from "#path";
import { findPlugin } from "../cni/find-plugin.ts";
import { randomBytes } from "../linux/random.ts";
import { ifPossible } from "../platform/outcome.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Build, Edge } from "./edge.ts";
import { executableFinder } from "./executable.ts";

/** hier(7) */
const STATE_DIRECTORY = "/run";

/** Runs `act` with a folder in which each of these plugins is this executable. */
export function withOwnPlugins<T>(
  { build }: Pick<Edge, "build">,
  names: readonly string[],
  act: (folder: string) => T,
): T {
  // Only root can create a file there.
  const folder = path.join(STATE_DIRECTORY, `cnictl-${randomBytes(8).toHex()}`);
  fs.mkdirSync(folder, { mode: 0o700 });
  try {
    const image = fs.realpathSync(build.executable);
    for (const name of names) fs.symlinkSync(image, path.join(folder, name));
    return act(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a call of a plugin would run this image. What another executable made, this one cannot rebuild. */
export function ownPlugins(
  { build }: { readonly build: Pick<Build, "names" | "executable"> },
  { path: folders }: Runtime,
): (type: string) => boolean {
  const find = executableFinder();
  const image = find(build.executable)?.digest;
  const found = new Map<string, boolean>();
  const look = (type: string) => {
    const isOwn = () => build.names.includes(type) && find(findPlugin(type, folders))?.digest === image;
    return ifPossible(isOwn) ?? false;
  };
  return (type) => {
    const known = found.get(type) ?? look(type);
    found.set(type, known);
    return known;
  };
}
