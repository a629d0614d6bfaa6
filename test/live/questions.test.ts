import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Call, Lab } from "../lab.ts";

/** Requests of netfilter's netlink: the part in the high byte, its message in the low one. <linux/netfilter/nfnetlink.h> */
const NAMES = new Map([
  [0xa01, "GETTABLE"],
  [0xa04, "GETCHAIN"],
  [0xa0c, "NEWSETELEM"],
  [0xa0d, "GETSETELEM"],
  [0x101, "list of connections"],
]);
const ONLY_NAMES = ["GETTABLE"];

const network = { cniVersion: "1.1.0", name: "net1" };
const portMappings = [{ hostPort: 5353, containerPort: 53, protocol: "udp" }];

let lab: Lab;
let netns: string;
beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});
afterEach(() => {
  lab.run(["nft", "flush", "ruleset"]);
});
afterAll(() => lab?.dispose());

/** What a plugin asks netfilter, in order. */
function questions(name: string, call: Call): string[] {
  const log = path.join(lab.dir, "strace");
  const trace = [
    "strace",
    "-f",
    "-qq",
    "-s",
    "4096",
    "-e",
    "trace=sendto",
    "-X",
    "raw",
    "-e",
    "signal=none",
    "-o",
    log,
  ];
  const outcome = lab.plugin(name, { netns, ...call, wrapper: trace });
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  // strace writes a part and its message once it knows the socket's protocol, one number before.
  const types = [...fs.readFileSync(log, "utf8").matchAll(/nlmsg_type=(\w+)(?:<<8\|(\w+))?/g)].map(
    ([, part, message]) => (message === undefined ? Number(part) : (Number(part) << 8) | Number(message)),
  );
  return types.filter((type) => type >= 0x100).map((type) => NAMES.get(type) ?? `message ${type.toString(16)}`);
}

describe("DEL and GC on a host without any table", () => {
  const bridge = { ...network, type: "bridge", bridge: "br0" };
  const portmap = { ...network, type: "portmap", runtimeConfig: { portMappings } };
  const firewall = { ...network, type: "firewall" };
  const everything = { "cni.dev/valid-attachments": [] };

  it.each([
    ["bridge", bridge],
    ["portmap", portmap],
    ["firewall", firewall],
  ])("of %s ask for the names of the tables, and nothing else", (name, config) => {
    expect(questions(name, { command: "DEL", config })).toEqual(ONLY_NAMES);
    expect(questions(name, { command: "GC", config: { ...config, ...everything } })).toEqual(ONLY_NAMES);
  });

  it("of bridge look into table nat of iptables once there is one", () => {
    lab.run(["nft", "add table ip nat"]);
    expect(questions("bridge", { command: "DEL", config: bridge })).toContain("GETCHAIN");
  });
});

describe("portmap", () => {
  const ips = [{ address: "10.88.0.2/16", interface: 0 }];
  const interfaces = [{ name: "eth0", sandbox: "/run/netns/c1" }];
  const config = {
    ...network,
    type: "portmap",
    runtimeConfig: { portMappings },
    prevResult: { cniVersion: "1.0.0", ips, interfaces },
  };
  const walks = (command: string) =>
    questions("portmap", { command, config }).filter((each) => each === "list of connections").length;

  it("lists UDP connections where the kernel tracks any, and does not where there are none", () => {
    expect([walks("ADD"), walks("DEL")]).toEqual([0, 0]);
    // The kernel tracks connections where a rule needs it.
    lab.run(["nft", "add table inet test; add chain inet test out { type filter hook output priority 0; }"]);
    lab.run(["nft", "add rule inet test out ct state new accept"]);
    lab.run(["ping", "-n", "-c1", "-W1", "127.0.0.1"]);
    expect([walks("ADD"), walks("DEL")]).toEqual([1, 1]);
  });

  it("asks one question of an attachment that has no ports", () => {
    expect(questions("portmap", { command: "ADD", config })).toContain("NEWSETELEM");
    const asked = questions("portmap", {
      command: "DEL",
      config: { ...config, runtimeConfig: {} },
      containerId: "other",
    });
    expect(asked).toEqual(["GETTABLE", "GETSETELEM"]);
  });
});
