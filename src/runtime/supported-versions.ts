import { CniError } from "../cni/error.ts";
import { findMember, isObject, parseJson } from "../cni/json.ts";
import { startPlugin } from "../cni/plugin-process.ts";
import { ignoring } from "../platform/outcome.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Starts VERSION of a plugin, with `deadline` in ms. The returned function waits for the answer: the versions that the plugin supports.
 * @throws CniError if there is no such plugin, here; if it does not answer, then
 */
export function askVersions(
  { launch, path, environment, log }: Pick<Runtime, "launch" | "path" | "environment" | "log">,
  type: string,
  deadline: number,
): () => readonly string[] {
  const variables = { ...environment, CNI_COMMAND: "VERSION", CNI_PATH: path.join(":") };
  const stdin = new TextEncoder().encode(JSON.stringify({ cniVersion: "1.1.0" }));
  const started = startPlugin(launch, { type, path, environment: variables, stdin, log, deadline });
  return () => readVersions(type, started.finish());
}

function readVersions(type: string, stdout: Uint8Array): readonly string[] {
  const answer = parseAnswer(stdout);
  const supported = isObject(answer) ? findMember(answer, "supportedVersions") : undefined;
  if (Array.isArray(supported)) return supported.filter((version) => typeof version === "string");
  throw new CniError("decodingFailure", `${type} does not answer VERSION with a list of versions`);
}

function parseAnswer(stdout: Uint8Array): unknown {
  return ignoring([SyntaxError], () => parseJson(stdout));
}
