import path from "#path";
import { reasonOf } from "../cni/error.ts";
import { isObject, parseJson } from "../cni/json.ts";
import type { Edge } from "./edge.ts";
import { InstallError } from "./installation.ts";

/** How long in ms an executable may take to answer, and how many bytes that may have. */
const DEADLINE = 30_000;
const MOST = 65_536;

const ADVICE =
  "check that it was made for this machine's architecture, and that its file system is not mounted with noexec";

/**
 * Starts executables that are about to be installed, on this very host, from the file system on which they will be: plugins answer
 * VERSION, cnictl prints its version. @throws InstallError naming the one that does not
 */
export function tryExecutables({ launch }: Pick<Edge, "launch">, directory: string, files: readonly string[]): void {
  for (const file of files) {
    const reason = findFault(launch, file);
    if (reason === undefined) continue;
    const what = `the new "${path.basename(file)}" does not work on this host: ${reason}`;
    throw new InstallError(`Cannot install in ${directory}: ${what}; nothing was changed`, { advice: ADVICE });
  }
}

/** Why an executable does not work; undefined if it does. */
function findFault(launch: Edge["launch"], file: string): string | undefined {
  const environment = { CNI_COMMAND: "VERSION" };
  try {
    const { status, signal, stdout } = launch(file, {
      ...{ environment, stdin: new Uint8Array(), deadline: DEADLINE, maxOutput: MOST },
    }).wait();
    if (status !== 0) return signal === undefined ? `it ends with ${status}` : `signal ${signal} ends it`;
    if (path.basename(file) === "cnictl") return undefined;
    const answer = parseJson(stdout);
    return isObject(answer) && "supportedVersions" in answer ? undefined : "it does not answer VERSION";
  } catch (error) {
    return reasonOf(error);
  }
}
