import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";
import { errorOf } from "../live/traces.ts";
import { referenceDir } from "./reference.ts";

const reference = referenceDir();

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

type Fields = Readonly<Record<string, unknown>>;

/** Runs a plugin of the list with the result of those before it, theirs where `bin` says so. */
function run(command: string, config: Fields, { prevResult, bin }: { prevResult?: unknown; bin?: string } = {}) {
  const input = { cniVersion: "1.0.0", name: "net1", ...config, ...(prevResult !== undefined && { prevResult }) };
  return lab.plugin(String(config["type"]), { command, config: input, netns, ...(bin !== undefined && { bin }) });
}

/** Has the Go plugins attach the container; returns the list's result. */
function addByReference(list: readonly Fields[]): unknown {
  let prevResult: unknown;
  for (const config of list) {
    const { status, stdout, stderr } = run("ADD", config, { prevResult, bin: reference });
    expect(status, stdout + stderr).toBe(0);
    prevResult = JSON.parse(stdout);
  }
  return prevResult;
}

function bridge(): Fields {
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  return { type: "bridge", bridge: "br0", isDefaultGateway: true, ipMasq: true, ipam };
}

const quiet = { status: 0, stdout: "", stderr: "" };

describe("CHECK of what the Go plugins made", () => {
  const ports = [
    { hostPort: 8080, containerPort: 80, protocol: "tcp" },
    { hostPort: 8081, containerPort: 81, protocol: "tcp", hostIP: "127.0.0.1" },
    { hostPort: 5353, containerPort: 53, protocol: "udp" },
  ];

  it.each([
    ["firewall", { type: "firewall" }],
    ["firewall on iptables", { type: "firewall", backend: "iptables" }],
    ["firewall, same-bridge", { type: "firewall", ingressPolicy: "same-bridge" }],
    ["firewall, isolated", { type: "firewall", ingressPolicy: "isolated" }],
    ["firewall, isolated on iptables", { type: "firewall", backend: "iptables", ingressPolicy: "isolated" }],
    ["portmap", { type: "portmap", runtimeConfig: { portMappings: ports } }],
    ["portmap on iptables", { type: "portmap", backend: "iptables", runtimeConfig: { portMappings: ports } }],
    ["portmap on nftables", { type: "portmap", backend: "nftables", runtimeConfig: { portMappings: ports } }],
    ["portmap without snat", { type: "portmap", snat: false, runtimeConfig: { portMappings: ports.slice(0, 1) } }],
    [
      "portmap with masqAll on iptables",
      { type: "portmap", backend: "iptables", masqAll: true, markMasqBit: 5, runtimeConfig: { portMappings: ports } },
    ],
  ])("finds it in order: %s", (_, config) => {
    const prevResult = addByReference([bridge(), config]);
    expect(run("CHECK", bridge(), { prevResult })).toMatchObject(quiet);
    expect(run("CHECK", config, { prevResult })).toMatchObject(quiet);
  });

  it.each([
    ["firewall", { type: "firewall" }, "iptables -F CNI-FORWARD", "10.88.0.2"],
    ["firewall", { type: "firewall" }, "ip6tables -D CNI-FORWARD -s fd00:88::2 -j ACCEPT", "fd00:88::2"],
    ["portmap", { type: "portmap", backend: "iptables" }, "iptables -t nat -F CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-DNAT"],
    [
      "portmap on nftables",
      { type: "portmap", backend: "nftables" },
      "nft flush chain ip cni_hostport hostports",
      "8080",
    ],
  ])("finds what is missing of it: %s, %j, after %s", (_, fields, command, text) => {
    const config = { ...fields, runtimeConfig: { portMappings: ports } };
    const prevResult = addByReference([bridge(), config]);
    lab.run(command.split(" "));
    const { code, msg } = errorOf(run("CHECK", config, { prevResult }));
    expect(code).toBe(104);
    expect(msg).toContain(text);
  });
});
