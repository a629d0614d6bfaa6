import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readDhcpFolder, reportDhcpLeases } from "../../../plugins/dhcp/lease-report.ts";
import { saveLease } from "../../../plugins/dhcp/lease-store.ts";
import { readBootClock } from "../../../src/linux/boot-clock.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { RECORD, RECORD6 } from "./records.ts";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "leases-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

it("reportDhcpLeases() tells of each lease whose it is, from whom, and when it is over by the time of the day", () => {
  const boot = readBoot();
  const expireAt = readBootClock() + 60_000;
  saveLease(folder, { ...RECORD, boot, lease: { ...RECORD.lease, expireAt } });
  saveLease(folder, { ...RECORD6, boot, lease: { ...RECORD6.lease, expireAt: Infinity } });
  saveLease(folder, { ...RECORD, containerId: "c2" });
  fs.writeFileSync(`${folder}/broken.json`, "{");
  const said: string[] = [];
  const [ipv4, ipv6, old, ...more] = reportDhcpLeases(folder, (line) => said.push(line));
  const own = { network: "lan", containerId: "c1", ifname: "eth0", netns: "/run/netns/c1", boot: "this" };
  const until = expect.closeTo(Date.now() + 60_000, -4);
  expect(ipv4).toEqual({
    ...own,
    ...{ address: "10.9.0.7", server: "10.9.0.1", until, file: `${folder}/lan:c1:eth0.json` },
  });
  expect(ipv6).toEqual({
    ...own,
    ...{ address: "fd00::7", server: "000102", until: undefined, file: `${folder}/lan:c1:eth0:ipv6.json` },
  });
  expect(old).toMatchObject({ containerId: "c2", boot: "earlier", until: undefined });
  expect(more).toEqual([]);
  expect(said).toEqual([expect.stringMatching(/^Cannot read the lease in .*broken\.json: /)]);
});

it("readDhcpFolder() finds the folder of a configuration that is invalid otherwise", () => {
  const config = { ipam: { type: "dhcp", timeout: -1, daemonSocketPath: "/x/y.sock" } };
  expect([readDhcpFolder(config), readDhcpFolder({ ipam: { type: "dhcp" } })]).toEqual(["/x/y", "/run/cni/dhcp"]);
});
