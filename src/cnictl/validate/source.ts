import path from "#path";
import { validateNetworkName } from "../../cni/environment.ts";
import { CniError, reasonOf, toCniError } from "../../cni/error.ts";
import { isObject } from "../../cni/json.ts";
import type { Path } from "../../cni/schema-walk.ts";
import { readFile } from "../../linux/bounded-file.ts";
import { handling } from "../../platform/outcome.ts";
import { listFiles, listOfOne } from "../../runtime/load.ts";
import { type Network, type PluginConfig, parseNetwork, parsePlugin } from "../../runtime/network.ts";
import { isNetworkName } from "../../runtime/runtime-conf.ts";
import { BrokenDocument, brokenDocument, type Document, openDocument } from "./document.ts";
import type { Report } from "./finding.ts";
import { examineListKeys } from "./list-keys.ts";
import { findMention } from "./mention.ts";

/** One plugin of a network, and where its object is. */
export interface PlacedPlugin {
  readonly document: Document;
  readonly path: Path;
  readonly config: PluginConfig;
}

/** A network and the files that it is made of. */
export interface Source {
  readonly document: Document;
  readonly network: Network;
  readonly plugins: readonly PlacedPlugin[];
}

/** Reads a network from its file as the runtimes do. Reports what keeps it from being read, and returns undefined then. */
export function readSource(file: string, bytes: Uint8Array, report: Report): Source | undefined {
  const document = readDocument(file, bytes, report);
  if (document === undefined) return undefined;
  const isList = holdsList(document);
  if (isList) examineListKeys(document, report);
  try {
    const source = isList ? readList(document, bytes, report) : readSingle(document);
    if (source !== undefined) validateNetworkName(source.network.name);
    return source;
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    reportError(document, error, report);
    return undefined;
  }
}

/** Reads a file into a document. Reports why it cannot be read, and returns undefined then. */
export function readFileOr(file: string, report: Report): Uint8Array | undefined {
  try {
    return readFile(file);
  } catch (error) {
    report(brokenDocument(file), "error", { path: [], message: `cannot be read: ${reasonOf(error)}` });
    return undefined;
  }
}

/** Whether the runtimes read the file as a list: by its extension, or if that says nothing, by its keys. */
function holdsList({ file, json }: Document): boolean {
  if (file.endsWith(".conflist")) return true;
  if (/\.(conf|json)$/.test(file)) return false;
  return isObject(json) && (Object.hasOwn(json, "plugins") || !Object.hasOwn(json, "type"));
}

function readDocument(file: string, bytes: Uint8Array, report: Report): Document | undefined {
  const document = handling(
    [BrokenDocument],
    () => openDocument(file, bytes),
    (error) => {
      const { message, code, details } = error;
      report(error.document, "error", { path: [], message: `no valid JSON: ${message}`, code, hint: hintOf(details) });
      return undefined;
    },
  );
  if (document === undefined) return undefined;
  for (const path of document.repeated())
    report(document, "warning", { path, message: "the key is there twice: the last one counts", atKey: true });
  return document;
}

function readList(document: Document, bytes: Uint8Array, report: Report): Source | undefined {
  const network = parseNetwork(bytes);
  const inline = network.plugins.map((config, index) => ({ document, config, path: ["plugins", index] }));
  const separate = network.loadOnlyInlinedPlugins ? [] : readFolder(document.file, network.name, report);
  const plugins = [...inline, ...separate];
  if (plugins.length === 0) throw new CniError("invalidConfig", "no plugin configs found");
  return { document, network, plugins };
}

/** The plugins in the folder of the network's name beside the list. */
function readFolder(file: string, name: string, report: Report): readonly PlacedPlugin[] {
  if (!isNetworkName(name)) return [];
  const files = listFiles(path.join(path.dirname(file), name), [".conf"]);
  return files.flatMap((each) => {
    const bytes = readFileOr(each, report);
    const document = bytes && readDocument(each, bytes, report);
    if (document === undefined) return [];
    try {
      return [{ document, path: [], config: parsePlugin(document.json) }];
    } catch (error) {
      reportError(document, toCniError(error), report);
      return [];
    }
  });
}

function readSingle(document: Document): Source {
  const { json } = document;
  if (isObject(json) && Object.hasOwn(json, "plugins") && !Object.hasOwn(json, "type")) {
    const message = "a list of plugins: runtimes read a file of this name as one plugin";
    throw new CniError("invalidConfig", message, { details: "call it *.conflist", path: ["plugins"] });
  }
  const config = parsePlugin(json);
  return { document, network: listOfOne(config), plugins: [{ document, path: [], config }] };
}

function reportError(document: Document, error: CniError, report: Report): void {
  const [, index] = /plugin config (\d+):/.exec(error.message) ?? [];
  const base = error.path ?? (index === undefined ? [] : ["plugins", Number(index)]);
  const { message, code, details } = error;
  report(document, "error", { path: findMention(document.json, base, message), message, code, hint: hintOf(details) });
}

function hintOf(details: string): string | undefined {
  return details === "" ? undefined : details;
}
