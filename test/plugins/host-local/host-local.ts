import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach } from "vitest";
import { plugin } from "../../../plugins/host-local/main.ts";
import { servePlugin } from "../../../src/cni/plugin.ts";

/** How a call ended: exit code, both streams, and the JSON on standard output. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts on whatever the plugin printed
  readonly json: any;
}

export interface Call {
  readonly containerId?: string;
  readonly ifname?: string;
  readonly args?: string;
  readonly netns?: string;
  /** Whether nobody reads standard output. */
  readonly isUnheard?: boolean;
}

/** The configuration of network mynet, with its leases below `dataDir`. */
export function config(version: string, dataDir: string, rest: object): object {
  const { ipam, ...top } = { ipam: {}, ...rest };
  return {
    cniVersion: version,
    name: "mynet",
    type: "ipvlan",
    master: "foo0",
    ipam: { type: "host-local", dataDir, ...ipam },
    ...top,
  };
}

/** Serves one call in this process. */
export function hostLocal(command: string, config: unknown, call: Call = {}): Outcome {
  let stdout = "";
  let stderr = "";
  const status = servePlugin(
    plugin,
    {
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: call.containerId ?? "dummy",
        CNI_NETNS: call.netns ?? "/some/where",
        CNI_IFNAME: call.ifname ?? "eth0",
        CNI_PATH: "/opt/cni/bin",
        ...(call.args === undefined ? {} : { CNI_ARGS: call.args }),
      },
      readStdin: () => Buffer.from(JSON.stringify(config)),
      writeOut: (text) => {
        if (call.isUnheard === true) throw new Error("broken pipe");
        stdout += text;
      },
      writeErr: (text) => {
        stderr += text;
      },
      isOwnNetns: () => false,
    },
    (act) => act(undefined),
  );
  return { status, stdout, stderr, json: stdout === "" ? undefined : JSON.parse(stdout) };
}

/** A fresh folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "host-local-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
});
