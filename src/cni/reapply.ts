import type { Environment } from "./environment.ts";
import type { Plugin, WithHost } from "./plugin.ts";
import type { Rebuilding } from "./rebuilding.ts";
import { createRequest, type Request, readNetwork, readVersion } from "./request.ts";
import { agreeOnVersion, SPEC_VERSIONS } from "./version.ts";

/** The input of a plugin that rebuilds: that of a CHECK, in any version. */
export interface ReapplyCall {
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  readonly log: (line: string) => void;
}

/**
 * Has a plugin rebuild what it made on the host for an attachment that lives. Undefined if it made nothing there that others take.
 * @throws CniError
 */
export function reapplyPlugin<Host>(
  plugin: Plugin<Host>,
  { environment, stdin, log }: ReapplyCall,
  withHost: WithHost<Host>,
): Rebuilding | undefined {
  const { reapply } = plugin;
  if (reapply === undefined) return undefined;
  const request = createFor(plugin, "CHECK", { environment, stdin, log });
  return withHost((host) => reapply(request, host));
}

/** Has a plugin delete what it may have rebuilt for an attachment that has ended since. @throws CniError */
export function withdrawPlugin<Host>(plugin: Plugin<Host>, call: ReapplyCall, withHost: WithHost<Host>): void {
  const { withdraw } = plugin;
  if (withdraw === undefined) return;
  const request = createFor(plugin, "DEL", call);
  withHost((host) => withdraw(request, host));
}

function createFor(
  { versions }: Pick<Plugin, "versions">,
  command: "CHECK" | "DEL",
  { environment, stdin, log }: ReapplyCall,
): Request {
  const network = readNetwork(stdin);
  const version = agreeOnVersion("ADD", readVersion(network.json), versions ?? SPEC_VERSIONS);
  return createRequest(command, { network, version, stdin, environment, log });
}
