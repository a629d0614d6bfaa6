import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import { addRedirects } from "../../../plugins/portmap/nftables.ts";
import { planPorts } from "../../../plugins/portmap/plan.ts";
import type { Launch } from "../../../src/cni/plugin-process.ts";
import { gatherMarks, type KernelMarks } from "../../../src/cnictl/inventory/marks.ts";
import type { ModuleState } from "../../../src/cnictl/kernel-modules.ts";
import { ownerComment } from "../../../src/netfilter/owner.ts";
import { addBridge, addIfb, addVeth } from "../../../src/netlink/link/add.ts";
import type { Nfnetlink, Rtnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { addMasquerade } from "../../../src/steps/masquerade/elements.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { portmapRequest } from "../../plugins/portmap/request.ts";

/** The machine: how its sockets are opened, the state of the module nf_tables, and the families that iptables-legacy has rules of. */
const machine = vi.hoisted(() => ({
  openRtnetlink: (): Rtnetlink => {
    throw new Error("no kernel");
  },
  openNfnetlink: (): Nfnetlink => {
    throw new Error("no kernel");
  },
  nfTables: "present" as ModuleState,
  legacy: [] as number[],
}));

vi.mock("../../../src/netlink/socket.ts", () => ({
  openRtnetlink: () => machine.openRtnetlink(),
  openNfnetlink: () => machine.openNfnetlink(),
}));
vi.mock("../../../src/cnictl/kernel-modules.ts", async (original) => ({
  ...(await original<object>()),
  readModules: () => ({ find: (name: string) => (name === "nf_tables" ? machine.nfTables : "unknown") }),
}));
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  findInLegacy: (family: number, _: string, texts: readonly string[]) => (machine.legacy.includes(family) ? texts : []),
}));

const owner = { network: "test", ifname: "container", containerId: "c1" };

let kernel: FakeKernel;
let tools: string;

beforeEach(() => {
  kernel = new FakeKernel();
  tools = fs.mkdtempSync(path.join(os.tmpdir(), "marks-"));
  fs.writeFileSync(path.join(tools, "iptables-legacy"), "", { mode: 0o755 });
  Object.assign(machine, {
    openRtnetlink: () => kernel.openRoute(),
    openNfnetlink: () => kernel.openNetfilter(),
    nfTables: "present",
    legacy: [],
  });
});
afterEach(() => fs.rmSync(tools, { recursive: true }));

/** A container behind a bridge, limited and masqueraded, with a published port. */
function attach(): void {
  const [route, netfilter] = [kernel.openRoute(), kernel.openNetfilter()];
  addBridge(route, { name: "cni0" });
  const peer = { name: "eth0", netns: kernel.addNamespace("container").fd };
  addVeth(route, { name: "veth1", peer });
  addIfb(route, { name: "ifb1" });
  addMasquerade(netfilter, { owner, prefixes: [prefix("10.88.0.2/16"), prefix("fd00:88::2/64")] });
  const request = portmapRequest({ runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] } });
  const result = { interfaces: [], ips: [{ address: prefix("10.88.0.2/16") }], routes: [], dns: {} };
  addRedirects(netfilter, { ...planPorts(request, parsePortmapConfig(request), result), localnet: undefined });
  for (const netlink of [route, netfilter]) netlink.close();
}

/** iptables, which prints this, or fails. */
function iptables(printed: string, status = 0): Launch {
  const exit = { status, signal: undefined, stdout: Buffer.from(printed), stderr: Buffer.from("it is broken") };
  return () => ({ begin: () => {}, abandon: () => {}, wait: () => exit });
}

const LEGACY = [
  '-A CNI-HOSTPORT-DNAT -m comment --comment "dnat name: \\"old\\" id: \\"c0\\"" -j CNI-DN-0123456789abcdef01234',
  "-A CNI-DN-0123456789abcdef01234 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.99.0.2:90",
].join("\n");

function gather(launch: Launch = iptables("")): KernelMarks {
  return gatherMarks({ launch, environment: { PATH: tools } });
}

/** What was found, in few words. */
function found({ links, places, ports, problems }: KernelMarks) {
  return {
    links: links.map(({ name }) => name),
    places: places.map(({ table, count }) => `${table}: ${count}`),
    ports: ports.map(({ hostPort, backend }) => `${hostPort} by ${backend}`),
    problems,
  };
}

const ALL = {
  links: ["veth1", "ifb1"],
  places: expect.arrayContaining(["inet cni_masquerade: 2"]),
  ports: ["8080 by nftables"],
  problems: [],
};

const denied = (action: string) => () => {
  throw new LinuxError(action, { syscall: "socket", errno: ERRNO.EPERM });
};

describe("gatherMarks()", () => {
  test("finds nothing on a host without attachments", () => {
    expect(gather()).toEqual({ links: [], places: [], ports: [], problems: [] });
  });

  test("lists veth links and IFBs, the owners of elements, and published ports", () => {
    attach();
    const marks = gather();
    expect(found(marks)).toEqual(ALL);
    expect(new Set(marks.places.map(({ comment }) => comment))).toEqual(new Set([ownerComment(owner)]));
    expect(marks.ports).toMatchObject([{ owner, containerIp: "10.88.0.2", containerPort: 80, isOurs: true }]);
  });

  test("changes nothing, and closes its sockets", () => {
    attach();
    const before = kernel.snapshot();
    gather();
    expect([kernel.snapshot(), kernel.open.size]).toEqual([before, 0]);
  });

  test.each(["loadable", "missing"] as const)("opens no socket that would load a module which is %s", (state) => {
    attach();
    machine.nfTables = state;
    machine.openNfnetlink = () => {
      throw new Error("it was opened");
    };
    machine.legacy = [4];
    expect(found(gather(iptables(LEGACY)))).toEqual({ ...ALL, places: [], ports: ["9090 by iptables"] });
  });

  test("has the ports of iptables-legacy beside those of nf_tables", () => {
    attach();
    machine.legacy = [4];
    expect(found(gather(iptables(LEGACY))).ports).toEqual(["8080 by nftables", "9090 by iptables"]);
  });

  test("names what could not be listed, and lists the rest", () => {
    attach();
    machine.openRtnetlink = denied("open a socket for links");
    machine.legacy = [4];
    const problems = [
      "Cannot open a socket for links: Operation not permitted",
      `${tools}/iptables-legacy ended with status 3: it is broken`,
    ];
    expect(found(gather(iptables("", 3)))).toEqual({ ...ALL, links: [], problems });
  });

  test("names it if there is no socket for nf_tables, and lists links and the ports of iptables-legacy", () => {
    attach();
    machine.openNfnetlink = denied("open a socket for nf_tables");
    machine.legacy = [4];
    const problems = ["Cannot open a socket for nf_tables: Operation not permitted"];
    expect(found(gather(iptables(LEGACY)))).toEqual({ ...ALL, places: [], ports: ["9090 by iptables"], problems });
  });

  test("survives the refusal of each of its questions, with one problem more, and closes its sockets", () => {
    attach();
    const asked = kernel.requests;
    gather();
    const count = kernel.requests - asked;
    expect(count).toBeGreaterThan(3);
    for (let n = 1; n <= count; n++) {
      kernel.refuse(n);
      expect(gather().problems, `question ${n}`).toEqual([expect.stringMatching(/Cannot allocate memory/)]);
      kernel.heal();
    }
    expect(kernel.open.size).toBe(0);
  });

  test("throws what is a bug, and closes its sockets", () => {
    attach();
    machine.legacy = [4];
    const broken = () => {
      throw new TypeError("a bug");
    };
    expect(() => gather(broken)).toThrow("a bug");
    machine.openNfnetlink = broken;
    machine.legacy = [];
    expect(() => gather()).toThrow("a bug");
    expect(kernel.open.size).toBe(0);
  });
});
