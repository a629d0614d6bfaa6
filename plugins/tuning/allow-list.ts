import { CniError } from "../../src/cni/error.ts";
import { decode, readFile } from "../../src/linux/bounded-file.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Sysctl } from "./sysctl-name.ts";

/** The sysctls that an administrator allows: one regular expression on each line, which may match any part of a key. */
const ALLOW_LIST = "/etc/cni/tuning/allowlist.conf";

/** Refuses sysctls that the host's list does not allow. Without that file all are allowed. @throws CniError invalidConfig */
export function refuseForbidden(sysctls: readonly Sysctl[]): void {
  const allowed = sysctls.length === 0 ? undefined : readAllowList();
  if (allowed === undefined) return;
  for (const { key } of sysctls) {
    if (allowed.some((line) => compile(line).test(key))) continue;
    throw new CniError("invalidConfig", `Sysctl ${JSON.stringify(key)} is not allowed`, {
      details: `${ALLOW_LIST} allows ${allowed.length === 0 ? "none" : allowed.join(", ")}`,
    });
  }
}

function readAllowList(): readonly string[] | undefined {
  const bytes = ignoring([ERRNO.ENOENT], () => readFile(ALLOW_LIST));
  const lines = bytes && decode(bytes).split("\n");
  return lines?.map((line) => line.trim()).filter((line) => line !== "");
}

/** Compiles a line. With "u", syntax that only Go has is refused; without it, it could mean something else here. */
function compile(line: string): RegExp {
  try {
    return new RegExp(line, "u");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const message = `Cannot use line ${JSON.stringify(line)} of ${ALLOW_LIST}: must be a regular expression`;
    throw new CniError("invalidConfig", message, { details: error.message, cause: error });
  }
}
