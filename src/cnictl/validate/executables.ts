import { CniError } from "../../cni/error.ts";
import { isObject, parseJson } from "../../cni/json.ts";
import { startPlugin } from "../../cni/plugin-process.ts";
import { DEFAULT_VERSION } from "../../cni/version.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Report } from "./finding.ts";
import { reportVersion, type Subject } from "./plugin.ts";

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
export function examineExecutables({ source, placed, ipamType }: Subject, ask: AskVersions, report: Report): void {
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
      const { message, details, code } = error;
      report(placed.document, "error", { path, message, hint: details === "" ? undefined : details, code });
    }
  }
}

function answerOf(runtime: Runtime, type: string): readonly string[] | CniError {
  try {
    return askVersions(runtime, type);
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
}

/** The oldest plugins know no VERSION: they are of 0.1.0. SPEC.md, "VERSION" */
function askVersions({ launch, path, environment, log }: Runtime, type: string): readonly string[] {
  const variables = { ...environment, CNI_COMMAND: "VERSION", CNI_PATH: path.join(":") };
  const stdin = new TextEncoder().encode(JSON.stringify({ cniVersion: "1.1.0" }));
  const call = { type, path, environment: variables, stdin, log, deadline: PATIENCE };
  const stdout = startPlugin(launch, call).finish();
  const answer = parseAnswer(stdout);
  const supported = isObject(answer) ? answer["supportedVersions"] : undefined;
  if (Array.isArray(supported)) return supported.filter((version) => typeof version === "string");
  throw new CniError("decodingFailure", `${type} does not answer VERSION with a list of versions`);
}

function parseAnswer(stdout: Uint8Array): unknown {
  try {
    return parseJson(stdout);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
