import * as z from "zod/mini";
import type { Claims, Configuration } from "../../cni/configuration.ts";
import { CniError, ERROR_CODES } from "../../cni/error.ts";
import { netConf } from "../../cni/fields.ts";
import { describeIssue } from "../../cni/issue.ts";
import { matchKeys } from "../../cni/keys.ts";
import { createRequest, type Request, readNetwork, readVersion } from "../../cni/request.ts";
import { agreeOnVersion, SPEC_VERSIONS } from "../../cni/version.ts";
import { ipamTypeOf } from "../../runtime/network.ts";
import { formatPluginInput } from "../../runtime/plugin-input.ts";
import type { DescribedPlugin } from "../edge.ts";
import type { Report } from "./finding.ts";
import { findMention } from "./mention.ts";
import type { PlacedPlugin, Source } from "./source.ts";

/** The plugins of this image, by name. */
export type Described = Readonly<Record<string, DescribedPlugin | undefined>>;

/** A plugin of a list and the IPAM plugin that it calls, as far as this image knows them. */
export interface Subject {
  readonly source: Source;
  readonly placed: PlacedPlugin;
  /** Undefined for a plugin that is not ours. */
  readonly own: Configuration | undefined;
  /** The type of the IPAM plugin; undefined without one. */
  readonly ipamType: string | undefined;
  readonly ipam: Configuration | undefined;
}

/** Finds what this image knows of a plugin and of the IPAM plugin that it calls. */
export function describePlugin(source: Source, placed: PlacedPlugin, plugins: Described): Subject {
  const ipamType = ipamTypeOf(placed.config);
  const of = (type: string | undefined) => (type === undefined ? undefined : findOwn(plugins, type)?.configuration?.());
  return { source, placed, own: of(placed.config.type), ipamType, ipam: of(ipamType) };
}

/** A plugin of this image; undefined for any other name. */
function findOwn(plugins: Described, type: string): DescribedPlugin | undefined {
  return Object.hasOwn(plugins, type) ? plugins[type] : undefined;
}

/** Reports every value that an ADD would refuse, with the functions of the plugins themselves. Returns what the network claims. */
export function examineValues(subject: Subject, plugins: Described, report: Report): Claims {
  const { placed } = subject;
  const request = makeRequest(subject, plugins, report);
  if (request === undefined) return {};
  const parse = (configuration: Configuration | undefined): Claims => {
    try {
      return configuration?.parse(request) ?? {};
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      reportRefusal(placed, { configuration, request, error }, report);
      return {};
    }
  };
  if (subject.own === undefined) reportIssues(placed, { schema: netConf(), request }, report);
  return { ...parse(subject.own), ...parse(subject.ipam) };
}

/** The request of an ADD. Undefined, and reported, if a plugin does not take the network's version. */
function makeRequest({ source, placed, ipamType }: Subject, plugins: Described, report: Report): Request | undefined {
  const stdin = formatPluginInput(placed.config, { network: source.network });
  const version = readVersion(readNetwork(stdin).json);
  for (const type of [placed.config.type, ...(ipamType === undefined ? [] : [ipamType])]) {
    const plugin = findOwn(plugins, type);
    if (plugin === undefined) continue;
    try {
      agreeOnVersion("ADD", version, plugin.versions ?? SPEC_VERSIONS);
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      reportVersion(source, { type, version, supported: plugin.versions ?? SPEC_VERSIONS }, report);
      return undefined;
    }
  }
  const spec = SPEC_VERSIONS.find((each) => each === version);
  const environment = { CNI_CONTAINERID: "validate", CNI_IFNAME: "eth0" };
  return (
    spec && createRequest("ADD", { network: readNetwork(stdin), version: spec, stdin, environment, log: () => {} })
  );
}

/** Reports that a plugin refuses the version of its network. */
export function reportVersion(
  { document }: Source,
  { type, version, supported }: { type: string; version: string; supported: readonly string[] },
  report: Report,
): void {
  const message = `${type} does not support version ${version}`;
  const hint = `it supports ${supported.join(", ")}`;
  report(document, "error", { path: ["cniVersion"], message, hint, code: ERROR_CODES.incompatibleVersion });
}

interface Refusal {
  readonly configuration: Configuration | undefined;
  readonly request: Request;
  readonly error: CniError;
}

/** Reports all values that the schema refuses; if it takes all, the error of the plugin itself. */
function reportRefusal(placed: PlacedPlugin, { configuration, request, error }: Refusal, report: Report): void {
  const { document, path } = placed;
  const { code, message, details } = error;
  const schema = configuration?.schema();
  if (schema !== undefined && reportIssues(placed, { schema, request, code }, report)) return;
  const named = findMention(document.json, [...path, ...(error.path ?? [])], `${message} ${details}`);
  report(document, "error", { path: named, message, hint: details === "" ? undefined : details, code });
}

/** Reports every value that a schema refuses. Returns whether there are any. */
function reportIssues(
  { document, path }: PlacedPlugin,
  { schema, request, code }: { schema: z.ZodMiniType; request: Request; code?: number },
  report: Report,
): boolean {
  const json = matchKeys(schema, request.config);
  const issues = z.safeParse(schema, json, { reportInput: true, jitless: true }).error?.issues ?? [];
  for (const issue of issues) {
    const message = describeIssue({ ...issue, path: issue.path.slice(-1) }, "the configuration");
    report(document, "error", { path: [...path, ...issue.path], message, ...(code === undefined ? {} : { code }) });
  }
  return issues.length > 0;
}
