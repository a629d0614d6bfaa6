import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SPEC_VERSIONS } from "../../src/cni/version.ts";
import { binDir, type Outcome } from "../lab.ts";
import { DhcpLab } from "../live/dhcp.ts";
import { referenceDir } from "./reference.ts";

// The reference's dhcp beside its own daemon, and ours without one, on networks of the same kind.

let dhcp: DhcpLab;
let netns: string;

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
});

afterEach(() => dhcp.dispose());

/** An interface of the container on the bridge, as an interface plugin has made it when it calls dhcp. */
function connect(ifname: string, mac: string): void {
  const inside = path.basename(netns);
  const peer = ["peer", "name", ifname, "address", mac, "netns", inside];
  dhcp.lab.run(["ip", "link", "add", `v-${ifname}`, "master", "lan0", "type", "veth", ...peer]);
  dhcp.lab.run(["ip", "link", "set", `v-${ifname}`, "up"]);
}

async function startReferenceDaemon(): Promise<void> {
  const times = ["-timeout", "2s", "-resendtimeout", "3s"];
  await dhcp.start([path.join(referenceDir(), "dhcp"), "daemon", "-socketpath", dhcp.socket, ...times], "");
  await dhcp.until("the reference's daemon listens", () => fs.existsSync(dhcp.socket));
}

const SIDES = ["reference", "ours"] as const;
type SideName = (typeof SIDES)[number];

function call(
  side: SideName,
  command: string,
  options: { version?: string; ifname?: string; ipam?: object } = {},
): Outcome {
  const { version = "1.1.0", ifname = "eth0", ipam = {} } = options;
  const config = { ...dhcp.network({ timeout: 3, ...ipam }), cniVersion: version, type: "macvlan" };
  const bin = side === "ours" ? binDir : referenceDir();
  return dhcp.lab.plugin("dhcp", { command, config, netns, ifname, bin });
}

/** Runs a scenario with each; returns what both came to. */
async function playBoth<T>(scenario: (side: SideName) => Promise<T>, start: () => Promise<void>) {
  const found: Partial<Record<SideName, T>> = {};
  for (const side of SIDES) {
    await start();
    connect("eth0", "02:00:00:00:00:05");
    connect("eth1", "02:00:00:00:00:06");
    if (side === "reference") await startReferenceDaemon();
    found[side] = await scenario(side);
    if (side === "reference") {
      await dhcp.dispose();
      dhcp = new DhcpLab();
      netns = dhcp.lab.addNamespace("container");
    }
  }
  return found;
}

describe("dhcp and the reference", () => {
  it("Y1: print the same result, byte for byte, in each version, and DEL gives the address back", async () => {
    const { reference, ours } = await playBoth(
      async (side) =>
        SPEC_VERSIONS.map((version) => {
          const { status, stdout } = call(side, "ADD", { version });
          const ended = call(side, "DEL", { version });
          return { version, status, stdout, ended: [ended.status, ended.stdout] };
        }),
      () => dhcp.startDnsmasq({ last: 5 }),
    );
    expect(ours).toEqual(reference);
    expect(ours?.[0]).toMatchObject({ status: 0, stdout: expect.stringContaining("10.9.0.5/24") });
  });

  it("print the same routes of options 121 and 33, which the reference has to ask for", async () => {
    const routes = (codes: readonly string[]) => codes.map((code) => ({ option: code }));
    const { reference, ours } = await playBoth(
      async (side) =>
        [["121"], ["33"]].map((codes) => {
          const ipam = {
            request: [...routes(codes), { option: "1", skipDefault: true }, { option: "3" }],
            priority: 9,
          };
          const { status, stdout } = call(side, "ADD", { ipam });
          call(side, "DEL");
          return { status, stdout };
        }),
      () =>
        dhcp.startDnsmasq({
          options: [
            "--dhcp-option=121,10.0.0.0/8,10.9.0.3,10.9.0.77/32,0.0.0.0",
            "--dhcp-option=33,172.16.0.1,10.9.0.4",
          ],
        }),
    );
    expect(ours).toEqual(reference);
    expect(ours?.[1]?.stdout).toContain('"dst": "172.16.0.1/16"');
  });

  it("Y2: three DELs at once and one more do not fail", async () => {
    const { reference, ours } = await playBoth(
      async (side) => {
        const add = call(side, "ADD");
        const config = { ...dhcp.network(), type: "macvlan" };
        const bin = side === "ours" ? binDir : referenceDir();
        const started = Array.from({ length: 3 }, () => dhcp.lab.start("dhcp", { command: "DEL", config, netns, bin }));
        const ended = await Promise.all(started.map((each) => each.ended));
        return [add, ...ended, call(side, "DEL")].map(({ status }) => status);
      },
      () => dhcp.startDnsmasq(),
    );
    expect(ours).toEqual([0, 0, 0, 0, 0]);
    expect(reference).toEqual(ours);
  });

  it("Y3: a second interface gets none while the pool has one address; only ours has a code", async () => {
    const { reference, ours } = await playBoth(
      async (side) => {
        const first = call(side, "ADD");
        const second = call(side, "ADD", { ifname: "eth1" });
        const dels = ["eth0", "eth1"].map((ifname) => call(side, "DEL", { ifname }).status);
        return { first: first.status, second: JSON.parse(second.stdout), dels };
      },
      () => dhcp.startDnsmasq({ last: 5 }),
    );
    expect(reference).toMatchObject({
      ...{ first: 0, dels: [0, 0] },
      second: { code: 999, msg: "error calling DHCP.Allocate: no more tries" },
    });
    expect(ours).toMatchObject({
      ...{ first: 0, dels: [0, 0] },
      second: { code: 11, msg: expect.stringMatching(/^Cannot get a DHCP lease for "eth1" within 3 s: no server/) },
    });
  });

  it("Y4: two interfaces of a container have two addresses", async () => {
    const { reference, ours } = await playBoth(
      async (side) => ["eth0", "eth1"].map((ifname) => JSON.parse(call(side, "ADD", { ifname }).stdout).ips[0].address),
      () => dhcp.startDnsmasq({ options: ["--dhcp-sequential-ip"] }),
    );
    expect(ours).toEqual(["10.9.0.5/24", "10.9.0.6/24"]);
    expect(reference).toEqual(ours);
  });

  it("ours gives the address back on DEL, where the reference's message never arrives", async () => {
    const { reference, ours } = await playBoth(
      async (side) => {
        call(side, "ADD");
        dhcp.lab.run(["ip", "address", "add", "10.9.0.5/24", "dev", "eth0"], netns);
        const added = dhcp.dnsmasqLeases();
        call(side, "DEL");
        if (side === "ours") await dhcp.until("it is back", () => dhcp.dnsmasqLeases().length === 0);
        return { added, left: dhcp.dnsmasqLeases() };
      },
      () => dhcp.startDnsmasq({ last: 5 }),
    );
    expect(reference).toEqual({ added: ["10.9.0.5"], left: ["10.9.0.5"] });
    expect(ours).toEqual({ added: ["10.9.0.5"], left: [] });
  });
});
