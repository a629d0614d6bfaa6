import fs from "node:fs";
import path from "node:path";
import type { Side } from "./twins.ts";

export const ALL_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** One of each shape a result has, where the version matters only for how the result is printed. */
export const SHAPES = ["0.2.0", "0.4.0", "1.1.0"] as const;

export interface Network {
  readonly cniVersion: string;
  readonly ranges?: readonly (readonly Readonly<Record<string, string>>[])[];
  readonly ipam?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** A layer 3 configuration of the plugin bridge, in the way of the reference's own tests. */
export function network(side: Side, { ranges, ipam, ...rest }: Network): Readonly<Record<string, unknown>> {
  return {
    name: "testConfig",
    type: "bridge",
    bridge: "bridge0",
    isDefaultGateway: true,
    ipam: { type: "host-local", dataDir: side.lab.dataDir, ranges: ranges ?? [[{ subnet: "10.1.2.0/24" }]], ...ipam },
    ...rest,
  };
}

/** A layer 2 configuration: no IPAM plugin. */
export function layer2({ cniVersion, ...rest }: Network): Readonly<Record<string, unknown>> {
  return { cniVersion, name: "testConfig", type: "bridge", bridge: "bridge0", ipam: {}, ...rest };
}

/** A resolv.conf of the lab's; returns its path. */
export function resolvConf(side: Side): string {
  const file = path.join(side.lab.dir, "resolv.conf");
  fs.writeFileSync(
    file,
    "domain example.net\nsearch a.example b.example\nnameserver 192.0.2.53\nnameserver 192.0.2.54\noptions ndots:2\n",
  );
  return file;
}

/** Whether CHECK exists in a version, and results carry interfaces. */
export function knowsCheck(version: string): boolean {
  return ["0.4.0", "1.0.0", "1.1.0"].includes(version);
}
