import { DEFAULT_VERSION } from "../../cni/version.ts";
import { type Finding, formatFinding, reportTo } from "./finding.ts";
import { examineNetwork } from "./network.ts";
import type { Described } from "./plugin.ts";
import { readFileOr, readSource } from "./source.ts";

/** The errors of a network list by itself, as `cnictl validate` finds them. No executable is asked. */
export function findListErrors(file: string, plugins: Described): readonly Finding[] {
  const findings: Finding[] = [];
  const report = reportTo(findings);
  const bytes = readFileOr(file, report);
  const source = bytes && readSource(file, bytes, report);
  if (source !== undefined) {
    const ask = () => [source.network.cniVersion || DEFAULT_VERSION];
    examineNetwork(source, { plugins, ask, uplink: undefined }, report);
  }
  const errors = findings.filter(({ level }) => level === "error");
  // Two plugins may report the same.
  return [...new Map(errors.map((each) => [formatFinding(each), each])).values()];
}
