import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { saveLease } from "../../../plugins/dhcp/lease-store.ts";
import { type DhcpLeaseView, dhcpJson, dhcpRow, viewDhcpLeases } from "../../../src/cnictl/inventory/dhcp-leases.ts";
import { readBootClock } from "../../../src/linux/boot-clock.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { parseNetwork } from "../../../src/runtime/network.ts";
import { RECORD } from "../../plugins/dhcp/records.ts";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "leases-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

function view(network?: string) {
  const ipam = { type: "dhcp", daemonSocketPath: `${folder}.sock` };
  const list = { cniVersion: "1.1.0", name: "lan", plugins: [{ type: "bridge", ipam }] };
  const known = parseNetwork(new TextEncoder().encode(JSON.stringify(list)));
  const cache = { attachments: [], remembered: [known], unreadable: [] };
  return viewDhcpLeases({ networks: [], cache }, { network, isLiving: (netns) => netns === "/run/netns/c1" });
}

function save(containerId: string, { seconds = 60, network = "lan", boot = readBoot() } = {}): void {
  const expireAt = readBootClock() + seconds * 1000;
  const own = { network, containerId, netns: `/run/netns/${containerId}`, boot };
  saveLease(folder, { ...RECORD, ...own, lease: { ...RECORD.lease, expireAt } });
}

describe("viewDhcpLeases()", () => {
  it("says of each lease in the folder of a network's socket whether a container has it", () => {
    save("c1");
    save("gone");
    save("late", { seconds: -1 });
    save("old", { boot: "b1ca416b" });
    const { views, problems } = view("lan");
    expect(views.map(({ containerId, state }) => `${containerId} ${state}`)).toEqual([
      "c1 in use",
      "gone orphan",
      "late over",
      "old over",
    ]);
    expect(problems).toEqual([]);
  });

  it("leaves out other networks, and names what it cannot read", () => {
    save("c1", { network: "other" });
    fs.writeFileSync(`${folder}/x.json`, "");
    const { views, problems } = view("lan");
    expect(views).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(`${folder}/x.json`)]);
    expect(view("other").views).toHaveLength(1);
  });
});

describe("a lease is shown", () => {
  const lease: DhcpLeaseView = {
    ...{ network: "lan", containerId: "c1", ifname: "eth0", netns: "/run/netns/c1", boot: "this", state: "in use" },
    ...{ address: "10.9.0.7", server: "10.9.0.1", until: 3_600_000, file: "/run/cni/dhcp/lan:c1:eth0.json" },
  };

  it("to people with the time that is left", () => {
    expect(dhcpRow(lease, 1_800_000)).toEqual(["10.9.0.7", "lan", "c1", "eth0", "30m", "10.9.0.1", "in use"]);
    expect(dhcpRow({ ...lease, until: undefined }, 0)[4]).toBe("");
  });

  it("to machines with its end", () => {
    expect(dhcpJson(lease)).toEqual({ ...lease, until: "1970-01-01T01:00:00.000Z" });
    expect("until" in dhcpJson({ ...lease, until: undefined })).toBe(false);
  });
});
