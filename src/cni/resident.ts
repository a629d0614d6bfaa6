import type { Edge } from "./edge.ts";
import { type Plugin, servePlugin, type WithHost } from "./plugin.ts";
import type { Child, LaunchOptions } from "./plugin-process.ts";

/**
 * Serves a plugin inside another plugin's process as if it were a process of its own, with its own input and environment. Its output
 * is kept for wait(). It runs completely inside begin(), and no deadline applies.
 */
export function serveResident<Host>(
  { plugin, edge, withHost }: { plugin: Plugin<Host>; edge: Edge; withHost: WithHost<Host> },
  { environment, stdin }: LaunchOptions,
): Child {
  let stdout = "";
  let stderr = "";
  let status: number | undefined;
  const begin = () => {
    const own: Edge = {
      ...edge,
      environment,
      readStdin: () => stdin,
      writeOut: (text) => {
        stdout += text;
      },
      writeErr: (text) => {
        stderr += text;
      },
    };
    status ??= servePlugin(plugin, own, withHost);
  };
  const wait = () => {
    begin();
    const encoder = new TextEncoder();
    return { status, signal: undefined, stdout: encoder.encode(stdout), stderr: encoder.encode(stderr) };
  };
  return { begin, wait, abandon: () => {} };
}
