import { CniError } from "../../cni/error.ts";
import { findNearest } from "../../cni/nearest.ts";
import { DEFAULT_VERSION } from "../../cni/version.ts";
import { handling } from "../../platform/outcome.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { askVersions } from "../../runtime/supported-versions.ts";
import type { Report } from "./finding.ts";
import { type Described, reportVersion, type Subject } from "./plugin.ts";

/** How long in ms a plugin may take to answer VERSION. */
const PATIENCE = 10_000;

/** Finds the versions that an executable supports. @throws CniError if there is none, or it does not answer */
export type AskVersions = (type: string) => readonly string[];

/** Asks each plugin once. */
export function makeAskVersions(runtime: Runtime): AskVersions {
  const answers = new Map<string, readonly string[] | CniError>();
  return (type) => {
    const answer = answers.get(type) ?? answerOf(runtime, type);
    answers.set(type, answer);
    if (answer instanceof CniError) throw answer;
    return answer;
  };
}

/** Reports plugins that CNI_PATH does not have, that do not answer, or that do not support the network's version. */
export function examineExecutables(
  { source, placed, ipamType }: Subject,
  { ask, plugins }: { readonly ask: AskVersions; readonly plugins: Described },
  report: Report,
): void {
  const version = source.network.cniVersion || DEFAULT_VERSION;
  const calls = [{ type: placed.config.type, path: [...placed.path, "type"] }];
  if (ipamType !== undefined) calls.push({ type: ipamType, path: [...placed.path, "ipam", "type"] });
  for (const { type, path } of calls) {
    try {
      const versions = ask(type);
      if (versions.includes(version)) continue;
      reportVersion(source, { type, version, supported: versions }, report);
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      const { message, code } = error;
      report(placed.document, "error", { path, message, hint: hintFor(type, error, plugins), code });
    }
  }
}

/** The plugin that was probably meant, or the details of the error. */
function hintFor(type: string, { details }: CniError, plugins: Described): string | undefined {
  const near = Object.hasOwn(plugins, type) ? undefined : findNearest(type, Object.keys(plugins));
  if (near !== undefined) return `did you mean "${near}"?`;
  return details === "" ? undefined : details;
}

function answerOf(runtime: Runtime, type: string): readonly string[] | CniError {
  const ask = () => askVersions(runtime, type, PATIENCE)();
  return handling([CniError], ask, (error) => error);
}
