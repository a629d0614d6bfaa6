import { type Finding, reportTo } from "./finding.ts";
import { examinePluginKeys } from "./keys.ts";
import { type Described, describePlugin } from "./plugin.ts";
import { readFileOr, readSource } from "./source.ts";

/** The keys of a network list that are close to a known key: ADD ignores them, so a setting is lost. */
export function findLostSettings(file: string, plugins: Described): readonly Finding[] {
  const findings: Finding[] = [];
  const report = reportTo(findings);
  const bytes = readFileOr(file, report);
  const source = bytes && readSource(file, bytes, report);
  if (source === undefined) return [];
  for (const placed of source.plugins) examinePluginKeys(describePlugin(source, placed, plugins), report);
  return findings.filter(({ level }) => level === "error");
}
