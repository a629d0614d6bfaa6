import fs from "node:fs";
import path from "node:path";
import { add } from "../../src/cnictl/add.ts";
import { check } from "../../src/cnictl/check.ts";
import { type Command, runCnictl } from "../../src/cnictl/command.ts";
import { completion } from "../../src/cnictl/completion/completion.ts";
import { completeWords } from "../../src/cnictl/completion/words.ts";
import { del } from "../../src/cnictl/del.ts";
import type { DescribedPlugin, Edge } from "../../src/cnictl/edge.ts";
import { gc } from "../../src/cnictl/gc.ts";
import { install } from "../../src/cnictl/install.ts";
import { schema } from "../../src/cnictl/json-schema.ts";
import { status } from "../../src/cnictl/status.ts";
import { uninstall } from "../../src/cnictl/uninstall.ts";
import { validate } from "../../src/cnictl/validate.ts";
import { version } from "../../src/cnictl/version.ts";
import { root } from "../repository/tree.ts";
import { makeWorld, type World } from "../runtime/world.ts";

/** The commands that are there unless a test gives its own. */
const COMMANDS: readonly Command[] = [
  add,
  check,
  del,
  gc,
  status,
  validate,
  schema,
  install,
  uninstall,
  version,
  completion,
];
/** Every plugin in the tree, by name. */
const PLUGINS: Record<string, DescribedPlugin> = Object.fromEntries(
  await Promise.all(
    fs.globSync("plugins/*/main.ts", { cwd: root }).map(async (file) => {
      const { plugin }: { plugin: DescribedPlugin } = await import(path.join(root, file));
      return [plugin.name, plugin];
    }),
  ),
);

/** What a call of cnictl came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** cnictl in a temporary folder, with plugins that are functions. */
export interface Stage extends World {
  /** Runs cnictl; where `changes` do not say otherwise, nobody reads at a terminal. */
  cnictl(args: readonly string[], changes?: Partial<Edge>, commands?: readonly Command[]): Outcome;
  /** The build whose image is this file below the folder. */
  buildAt(executable: string): Edge["build"];
}

/** What the image was made of, besides the version: its commit, and the plugins in the tree. */
export const SOURCE = { commit: "abc123def456", date: "2026-01-02", engine: "QuickJS-NG 0.17.0", plugins: PLUGINS };

export function makeStage(): Stage {
  const world = makeWorld();
  const environment = {
    NETCONFPATH: path.join(world.directory, "net.d"),
    CNI_PATH: path.join(world.directory, "bin"),
  };

  function buildAt(file: string): Edge["build"] {
    const names = ["bridge", "host-local", "cnictl"];
    return { version: "1.2.3", ...SOURCE, names, executable: path.join(world.directory, file) };
  }

  function cnictl(args: readonly string[], changes: Partial<Edge> = {}, commands = COMMANDS): Outcome {
    let [out, err] = ["", ""];
    const edge: Edge = {
      args,
      environment,
      directory: world.directory,
      terminal: { out: false },
      build: buildAt("image"),
      launch: world.runtime.launch,
      reapply: () => undefined,
      trace: () => world.runtime.launch,
      withdraw: () => {},
      isLiving: () => true,
      findInside: () => undefined,
      gatherMarks: () => ({ links: [], places: [], ports: [], problems: [] }),
      readStdin: () => new Uint8Array(),
      writeOut: (text) => {
        out += text;
      },
      writeErr: (text) => {
        err += text;
      },
      ...changes,
    };
    const code = runCnictl(edge, { commands, complete: (asked, words) => completeWords(asked, commands, words) });
    return { code, out, err };
  }

  return { ...world, cnictl, buildAt };
}
