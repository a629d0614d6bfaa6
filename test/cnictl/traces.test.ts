import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { KernelMarks } from "../../src/cnictl/inventory/marks.ts";
import { describeRemoved, describeStaying, takeTraces } from "../../src/cnictl/traces.ts";
import { IptablesError } from "../../src/netfilter/iptables/tool.ts";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { address } from "../netlink/text.ts";

/** The masquerade rules of iptables, or the error of listing them. */
const machine = vi.hoisted(() => ({ jumps: (): readonly object[] => [] }));

vi.mock("../../src/netfilter/iptables/list-jumps.ts", () => ({
  listJumps: (_: unknown, family: number) => (family === 4 ? machine.jumps() : []),
}));
vi.mock("../../src/cnictl/nfnetlink.ts", () => ({ findNfnetlink: () => undefined }));

const owner = { network: "x", ifname: "eth0", containerId: "c1" };
const [one, two] = [ownerComment(owner), ownerComment({ ...owner, containerId: "c2" })];
const place = { table: "inet cni_portmap", isReference: false };
const port = {
  protocol: "tcp",
  hostIp: "",
  hostPort: 8080,
  containerIp: "10.1.0.2",
  containerPort: 80,
  backend: "iptables",
  isOurs: true,
  owner,
  comment: "",
} as const;
const nothing: KernelMarks = { links: [], places: [], ports: [], problems: [] };

beforeEach(() => {
  machine.jumps = () => [];
});
afterEach(() => vi.restoreAllMocks());

function take(marks: Partial<KernelMarks>) {
  const launch = () => {
    throw new Error("Nothing was expected to start a command");
  };
  return takeTraces({ gatherMarks: () => ({ ...nothing, ...marks }), environment: {}, launch });
}

describe("describeRemoved()", () => {
  test("has a line for each attachment that lost something, with elements by table, ports and rules of iptables", () => {
    const comment = 'name: "x" id: "c1"';
    machine.jumps = () => [
      { chain: "CNI-0", source: address("10.1.0.2"), comment },
      { chain: "CNI-1", comment: "other" },
    ];
    const before = take({
      places: [
        { ...place, comment: one, count: 5 },
        { ...place, comment: one, table: "inet cni_masquerade", count: 1 },
        { ...place, comment: two, count: 3 },
        { ...place, comment: two, table: "inet cni_plugins_masquerade", isReference: true, count: 1 },
      ],
      ports: [port, { ...port, backend: "nftables", hostPort: 81 }],
    });
    machine.jumps = () => [];
    const after = take({ places: [{ ...place, comment: two, count: 3 }] });
    expect(describeRemoved(before, after)).toEqual([
      "eth0 of container c1 on network x: removed 5 elements of inet cni_portmap, 1 element of inet cni_masquerade, port 8080->80/tcp of iptables",
      "container c1 on network x: removed masquerade of 10.1.0.2 by iptables",
    ]);
    expect(describeRemoved(before, before)).toEqual([]);
  });

  test("counts elements that are left of an attachment, and names one whose comment was cut by its key", () => {
    const cut = ownerComment({ ...owner, network: "n".repeat(200) });
    const before = take({
      places: [
        { ...place, comment: one, count: 5 },
        { ...place, comment: cut, count: 1 },
      ],
    });
    const after = take({ places: [{ ...place, comment: one, count: 3 }] });
    expect(describeRemoved(before, after)).toEqual([
      "eth0 of container c1 on network x: removed 2 elements of inet cni_portmap",
      `attachment ${cut.slice(0, 33)}: removed 1 element of inet cni_portmap`,
    ]);
  });
});

test("describeStaying() counts the attachments that use each table", () => {
  const places = [one, two].map((comment) => ({ ...place, comment, count: 3 }));
  const more = { ...place, comment: one, table: "inet cni_masquerade", count: 1 };
  expect(describeStaying(take({ places: [...places, more] }))).toEqual([
    "table inet cni_portmap: stays, 2 attachments use it",
    "table inet cni_masquerade: stays, 1 attachment uses it",
  ]);
});

test("takeTraces() has the families in which this project's plugin mapped ports with iptables", () => {
  const others = [
    { ...port, backend: "nftables" as const },
    { ...port, isOurs: false },
  ];
  expect(take({ ports: others }).mapped).toEqual(new Set());
  expect(take({ ports: [...others, port, { ...port, containerIp: "fd00::2" }] }).mapped).toEqual(new Set([4, 6]));
});

test("takeTraces() names what could not be listed", () => {
  machine.jumps = () => {
    throw new IptablesError("missing", "no iptables");
  };
  expect(take({ problems: ["no links"] })).toEqual({
    all: [],
    mapped: new Set(),
    problems: ["no links", "no iptables"],
  });
});
