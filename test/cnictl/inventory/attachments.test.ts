import { describe, expect, test } from "vitest";
import type { LeaseEntry } from "../../../plugins/host-local/lease-report.ts";
import type { PublishedPort } from "../../../plugins/portmap/published.ts";
import {
  joinAttachments,
  type KnownAttachment,
  makerOf,
  type NetworkLeases,
  type Sources,
  sourcesOf,
} from "../../../src/cnictl/inventory/attachments.ts";
import type { CachedAttachment } from "../../../src/cnictl/inventory/results.ts";
import { ownerComment } from "../../../src/netfilter/owner.ts";
import type { Link } from "../../../src/netlink/link/message.ts";

const owner = { network: "net", containerId: "c1", ifname: "eth0" };

function cached(changes: Partial<CachedAttachment> = {}): CachedAttachment {
  return {
    ...owner,
    file: "/cache/results/net-c1-eth0",
    since: 1000,
    netns: "/run/netns/c1",
    addresses: ["10.1.0.2/24"],
    mac: "02:00:00:00:00:01",
    hostLinks: ["cni0", "veth1"],
    ports: [],
    ...changes,
  };
}

function lease(changes: Partial<LeaseEntry> = {}): LeaseEntry {
  return {
    address: "10.1.0.2",
    text: "c1\r\neth0",
    containerId: "c1",
    ifname: "eth0",
    since: 1000,
    isRecorded: false,
    boot: "this",
    netns: "",
    namespace: "unknown",
    reclaimable: undefined,
    ...changes,
  };
}

function leasesOf(...leases: LeaseEntry[]): NetworkLeases {
  return { network: "net", folder: "/leases/net", leases, resting: new Map(), strayRecords: [], unreadable: [] };
}

function link(name: string, alias = ""): Link {
  return {
    index: 7,
    name,
    mac: "02:00:00:00:00:02",
    mtu: 1500,
    up: true,
    operationalState: 6,
    kind: "veth",
    master: 3,
    peer: 2,
    alias,
    group: 0,
    promiscuity: 0,
    promiscuous: false,
    allMulticast: false,
    transmitQueueLength: 1000,
    bridge: undefined,
    port: undefined,
  };
}

function port(changes: Partial<PublishedPort>): PublishedPort {
  return {
    protocol: "tcp",
    hostIp: "",
    hostPort: 8080,
    containerIp: "10.1.0.2",
    containerPort: 80,
    backend: "nftables",
    isOurs: undefined,
    owner: {},
    comment: "",
    ...changes,
  };
}

interface Given {
  readonly cached?: readonly CachedAttachment[];
  readonly leases?: readonly LeaseEntry[];
  readonly marks?: Partial<Sources["marks"]>;
}

function join({ cached: results = [], leases = [], marks = {} }: Given): readonly KnownAttachment[] {
  const all = { links: [], places: [], ports: [], problems: [], ...marks };
  return joinAttachments({ cached: results, leases: [leasesOf(...leases)], marks: all });
}

function summary(all: readonly KnownAttachment[]) {
  return all.map((each) => [each.network, each.containerId, each.ifname, sourcesOf(each).join("+"), makerOf(each)]);
}

const place = { comment: ownerComment(owner), table: "inet cni_masquerade", count: 1, isReference: false };

describe("joinAttachments()", () => {
  test("joins what all sources know of one attachment of this project's plugins", () => {
    const ports = [port({ comment: ownerComment(owner), owner, isOurs: true })];
    const links = [link("veth1", ownerComment(owner)), link("veth9")];
    const all = join({
      cached: [cached()],
      leases: [lease({ isRecorded: true })],
      marks: { links, places: [place], ports },
    });
    expect(summary(all)).toEqual([["net", "c1", "eth0", "cache+lease+link+rules+ports", "ours"]]);
    expect(all[0]?.links.map(({ name }) => name)).toEqual(["veth1"]);
  });

  test("finds the link of the Go plugins' attachment by its name in the result", () => {
    const all = join({ cached: [cached()], leases: [lease()], marks: { links: [link("veth1")] } });
    expect(summary(all)).toEqual([["net", "c1", "eth0", "cache+lease+link", "go"]]);
  });

  test("gives a link to the owner that it names, not to an old result with its name", () => {
    const other = { ...owner, containerId: "c2" };
    const all = join({ cached: [cached()], marks: { links: [link("veth1", ownerComment(other))] } });
    expect(summary(all)).toEqual([
      ["net", "c1", "eth0", "cache", undefined],
      ["net", "c2", "eth0", "link", "ours"],
    ]);
  });

  test("keeps what only one source knows", () => {
    expect(summary(join({ leases: [lease()] }))).toEqual([["net", "c1", "eth0", "lease", "go"]]);
    expect(summary(join({ marks: { places: [place] } }))).toEqual([["net", "c1", "eth0", "rules", "ours"]]);
    expect(summary(join({ cached: [cached()] }))).toEqual([["net", "c1", "eth0", "cache", undefined]]);
  });

  test("gives a lease from before 2018, which names no interface, to the container's attachment", () => {
    const all = join({ cached: [cached()], leases: [lease({ ifname: "" })] });
    expect(summary(all)).toEqual([["net", "c1", "eth0", "cache+lease", "go"]]);
  });

  test("finds the owner of a comment that was cut by its key", () => {
    const long = { ...owner, containerId: "c".repeat(120) };
    const all = join({ cached: [cached(long)], marks: { links: [link("veth7", ownerComment(long))] } });
    expect(summary(all)).toEqual([["net", long.containerId, "eth0", "cache+link", "ours"]]);
  });

  test("shows the part of an unknown owner's name that a cut comment has", () => {
    const long = { ...owner, containerId: "c".repeat(120) };
    const [only] = join({ marks: { links: [link("veth7", ownerComment(long))] } });
    expect(only).toMatchObject({ network: "net", ifname: "eth0", isCut: true });
    expect(long.containerId.startsWith(only?.containerId ?? "")).toBe(true);
  });

  test("gives a mapping of the Go plugin, which names the container alone, to the interface with the address", () => {
    const second = cached({ ifname: "net1", network: "other", addresses: ["10.9.0.2/24"], hostLinks: [] });
    const ports = [port({ owner: { containerId: "c1" }, comment: "c1", containerIp: "10.9.0.2", isOurs: false })];
    const all = join({ cached: [cached(), second], marks: { ports } });
    expect(all.map((each) => [each.ifname, each.ports.length])).toEqual([
      ["eth0", 0],
      ["net1", 1],
    ]);
  });

  test("leaves out objects that name no owner", () => {
    const all = join({
      leases: [lease({ containerId: "", ifname: "", text: "" })],
      marks: { links: [link("veth5")], ports: [port({})] },
    });
    expect(all).toEqual([]);
  });
});
