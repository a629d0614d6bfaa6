import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { plugin as bandwidth } from "../../plugins/bandwidth/main.ts";
import { plugin as bridge } from "../../plugins/bridge/main.ts";
import { plugin as firewall } from "../../plugins/firewall/main.ts";
import { plugin as portmap } from "../../plugins/portmap/main.ts";
import { plugin as tuning } from "../../plugins/tuning/main.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { createRequest, type Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatResult } from "../../src/cni/result-json.ts";
import type { Host } from "../../src/steps/host.ts";
import type { FakeKernel } from "../kernel/fake-kernel.ts";
import { address, prefix } from "../netlink/text.ts";

/** What IPAM always answers. */
export const leased = {
  interfaces: [],
  ips: [
    { address: prefix("10.88.0.2/16"), gateway: address("10.88.0.1") },
    { address: prefix("fd00:88::2/64"), gateway: address("fd00:88::1") },
  ],
  routes: [{ dst: prefix("0.0.0.0/0") }],
  dns: {},
};

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "verbs-"));
afterAll(() => fs.rmSync(dataDir, { recursive: true }));

export const PLAIN = { bridge: "cni0", isGateway: true, removeEmptyBridge: true, ipam: { type: "fixed" } };
const VLAN = { ...PLAIN, ipMasq: true, vlan: 100 };
const LIMITS = { ingressRate: 1_000_000, ingressBurst: 100_000, egressRate: 1_000_000, egressBurst: 100_000 };
const MAPPED = { portMappings: [{ hostPort: 80, containerPort: 8080, protocol: "tcp" }] };
const TUNED = { mtu: 1400, mac: "02:00:00:00:00:44", promisc: true, dataDir };

/** What is called, and with what. One that follows is called on what a plain bridge has made. */
export interface Case {
  readonly title: string;
  readonly plugin: Plugin<Host>;
  readonly fields: object;
  readonly follows?: boolean;
  /** Whether what it made on the host is in use until the container's namespace ends, so that GC leaves it until then. */
  readonly isInUse?: boolean;
  /** Whether what it made ends with the container's interface, so that DEL may leave it. */
  readonly endsWithInterface?: boolean;
  /** What is there before the container. */
  readonly prepare?: (kernel: FakeKernel) => void;
}

/** A network or a chained plugin of each kind. A plugin may have its own in test/plugins/NAME/verb-case.ts instead. */
export const CASES: readonly Case[] = [
  { title: "bridge", plugin: bridge, fields: PLAIN },
  { title: "bridge with VLAN and masquerade", plugin: bridge, fields: VLAN },
  { title: "portmap", plugin: portmap, fields: { runtimeConfig: MAPPED }, follows: true },
  { title: "firewall", plugin: firewall, fields: { ingressPolicy: "isolated" }, follows: true },
  { title: "bandwidth", plugin: bandwidth, fields: LIMITS, follows: true },
  { title: "tuning", plugin: tuning, fields: TUNED, follows: true },
];

/** Its rule set is so large that a failure of each request takes seconds: spoof-guard.test.ts has those that are its own. */
export const STRICT: Case = {
  title: "bridge with strict spoof check",
  plugin: bridge,
  fields: { ...VLAN, spoofchk: "strict" },
};

export type Verb = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS";

/** A call for interface eth0 of container c1 in namespace "container", on what an earlier one gave; GC is told that it is gone where it is stale. */
export function requestOf(
  verb: Verb,
  { plugin, fields }: Pick<Case, "plugin" | "fields">,
  { given, isStale = false }: { given?: Result | undefined; isStale?: boolean } = {},
): Request {
  const prevResult = given && JSON.parse(formatResult(given, "1.1.0"));
  const valid = { "cni.dev/valid-attachments": isStale ? [] : [{ containerID: "c1", ifname: "eth0" }] };
  const json = {
    cniVersion: "1.1.0",
    name: "net1",
    type: plugin.name,
    prevResult,
    ...(verb === "GC" && valid),
    ...fields,
  };
  return createRequest(verb, {
    network: { name: "net1", json },
    version: "1.1.0",
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_NETNS: "/run/netns/container", CNI_PATH: "/opt/cni" },
    log: () => {},
  });
}
