import host from "#process";
import { runWithProcess } from "../cni/process.ts";
import { discard } from "../linux/discard.ts";
import { openNetns } from "../linux/netns.ts";
import { launch } from "../linux/process.ts";
import { LinuxError } from "../platform/errno.ts";
import { runCnictl } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { completeWords } from "./completion/words.ts";
import type { Build, Edge } from "./edge.ts";
import { findInside } from "./inspect/inside.ts";
import { gatherMarks } from "./inventory/marks.ts";

/** Runs cnictl with this process's arguments, variables and streams, and ends the process with its code. */
export function runTool(build: Omit<Build, "executable">, image: Pick<Edge, "reapply" | "withdraw" | "trace">): never {
  runWithProcess((tool) =>
    runCnictl(
      {
        ...tool,
        terminal: { out: host.isTerminal(1) },
        build: { ...build, executable: "/proc/self/exe" },
        launch,
        ...image,
        isLiving,
        findInside,
        gatherMarks: () => gatherMarks({ launch, environment: tool.environment }),
      },
      { commands: COMMANDS, complete: (edge, words) => completeWords(edge, COMMANDS, words) },
    ),
  );
}

/** A namespace whose existence cannot be checked counts as existing. */
function isLiving(netns: string): boolean {
  try {
    discard(openNetns(netns));
    return true;
  } catch (error) {
    return !(error instanceof LinuxError && ["ENOENT", "ENOTDIR", "EINVAL"].includes(error.code));
  }
}
