import fs from "#fs";
import path from "#path";
import { randomBytes } from "../linux/random.ts";
import type { Edge } from "./edge.ts";

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
