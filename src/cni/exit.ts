import { parseConfig } from "./config.ts";
import { CniError, reasonOf } from "./error.ts";
import { parseJson } from "./json.ts";
import { failure as failureSchema } from "./schema.ts";

/** How a child process ended, by exit status or by signal, with everything that it printed. */
export interface Exit {
  readonly status: number | undefined;
  readonly signal: number | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** The delegate returned a valid CNI error, so it has rolled back its own changes. */
export class DelegateError extends CniError {}

/** Logs what a plugin wrote to standard error, line by line. */
export function relay(stderr: Uint8Array, log: (line: string) => void): void {
  const text = new TextDecoder().decode(stderr).trimEnd();
  if (text === "") return;
  for (const line of text.split("\n")) log(line);
}

/** The error object that a failed plugin printed. If there is none, an error with the reference library's text. */
export function decodeFailure(exit: Exit, type: string): CniError {
  const stdout = new TextDecoder().decode(exit.stdout);
  const stderr = new TextDecoder().decode(exit.stderr);
  if (stdout === "") {
    const ending = exit.signal === undefined ? `exit status ${exit.status}` : `signal ${exit.signal}`;
    return failure(
      stderr === "" ? `netplugin failed with no error message: ${ending}` : `netplugin failed: ${quote(stderr)}`,
      type,
    );
  }
  try {
    const { code, msg, details = "" } = parseConfig(failureSchema, parseJson(exit.stdout));
    return new DelegateError(code ?? "delegateFailed", msg, { details });
  } catch (error) {
    const what = `netplugin failed but error parsing its diagnostic message ${quote(stdout)}`;
    return failure(`${what}: ${reasonOf(error)}`, type);
  }
}

function failure(message: string, type: string): CniError {
  return new CniError("delegateFailed", message, { details: `plugin ${JSON.stringify(type)}` });
}

function quote(text: string): string {
  return JSON.stringify(text.length > 1000 ? `${text.slice(0, 1000)}…` : text);
}
