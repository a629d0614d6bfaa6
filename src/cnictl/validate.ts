import fs from "#fs";
import path from "#path";
import { ifPossible } from "../platform/outcome.ts";
import { listFiles, NetworkNotFound } from "../runtime/load.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { flag } from "./option.ts";
import { makeRuntime, networkDirectory } from "./target.ts";
import { makeAskVersions } from "./validate/executables.ts";
import { type Finding, formatFinding, type Report, reportTo } from "./validate/finding.ts";
import { type Examined, examineChoice, examineTogether } from "./validate/folder.ts";
import { examineNetwork, type Machine } from "./validate/network.ts";
import { examineRuntime, findContainerd } from "./validate/runtime-version.ts";
import { readFileOr, readSource, type Source } from "./validate/source.ts";
import { findUplink } from "./validate/uplink.ts";

/** Standard input, as an operand and in findings. */
const STDIN = "-";

/** `cnictl validate`: reports what is wrong with network lists before a container needs them. */
export const validate = defineCommand({
  name: "validate",
  summary: "Checks network lists: keys, values, plugins, and what they share",
  help: [
    "Reads network lists as the runtimes do, and reports unknown keys, values that an ADD would refuse,",
    "and lists that do not work together. Without arguments it reads the directory of network lists;",
    "- is standard input. Nothing is changed. Each finding is one line, FILE:LINE:COLUMN: LEVEL: KEY:",
    "MESSAGE. LEVEL is error or warning, KEY the path of the key.",
    "",
    "Exit code: 1 if there is an error, 0 if there are only warnings.",
  ],
  operands: [{ name: "file|folder|-", repeated: true, completion: "file" }],
  options: { json: flag("print an array of findings") },
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const places = operands.length === 0 ? [networkDirectory(edge)] : operands;
    const findings = examineAll(edge, places);
    if (values.json) edge.writeOut(`${JSON.stringify(findings, null, 2)}\n`);
    else edge.writeOut(findings.map(formatFinding).join(""));
    const isValid = findings.length === 0;
    if (isValid && edge.terminal.out && !values.json) edge.writeOut(`${places.join(", ")}: valid\n`);
    return findings.some(({ level }) => level === "error") ? 1 : 0;
  },
});

/** The files of one operand: one file, or a folder's. */
interface Batch {
  readonly files: readonly string[];
  readonly isFolder: boolean;
}

function examineAll(edge: Edge, operands: readonly string[]): readonly Finding[] {
  const findings: Finding[] = [];
  const report = reportTo(findings);
  const machine = describeMachine(edge);
  const batches = operands.map((operand) => listBatch(edge, operand));
  const folders = new Map<string, Examined[]>();
  const all: Source[] = [];
  for (const batch of batches) {
    const sources = batch.files.flatMap((file) => readNetwork(edge, file, report) ?? []);
    if (batch.isFolder) examineChoice(batch.files, sources, report);
    all.push(...sources);
    for (const source of sources) {
      const folder = path.dirname(path.resolve(edge.directory, source.document.file));
      folders.set(folder, [...(folders.get(folder) ?? []), examineNetwork(source, machine, report)]);
    }
  }
  for (const networks of folders.values()) examineTogether(networks, report);
  examineRuntime(all, findContainerd(edge.environment), report);
  return sortFindings(
    findings,
    batches.flatMap(({ files }) => files),
  );
}

function readNetwork(edge: Edge, file: string, report: Report): Source | undefined {
  const bytes = file === STDIN ? edge.readStdin() : readFileOr(file, report);
  return bytes && readSource(file, bytes, report);
}

/** @throws NetworkNotFound for a folder without network lists */
function listBatch(edge: Edge, operand: string): Batch {
  const place = path.resolve(edge.directory, operand);
  if (operand === STDIN || !isFolder(place)) return { files: [operand], isFolder: false };
  const names = listFiles(place, [".conflist", ".conf", ".json"]).map((file) => path.basename(file));
  if (names.length === 0) throw new NetworkNotFound(`no net configurations found in ${operand}`);
  return { files: names.map((name) => path.join(operand, name)), isFolder: true };
}

function isFolder(place: string): boolean {
  // What is not there is reported when it is read.
  return ifPossible(() => fs.statSync(place).isDirectory()) ?? false;
}

function describeMachine(edge: Edge): Machine {
  return {
    plugins: edge.build.plugins,
    ask: makeAskVersions(makeRuntime(edge)),
    uplink: findUplink(),
  };
}

/** By place, without repetition: two plugins may report the same. */
function sortFindings(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const seen = new Map(findings.map((finding) => [formatFinding(finding), finding]));
  return [...seen.values()].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}
