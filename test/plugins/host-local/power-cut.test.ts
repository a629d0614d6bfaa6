import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { hostLocal, type Outcome, temporaryFolder } from "./host-local.ts";
import { reboot, write } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** The functions of node:fs by which host-local changes something on disk; the lock, which is no promise, aside. */
const CHANGES = [
  "mkdirSync",
  "rmdirSync",
  "rmSync",
  "symlinkSync",
  "linkSync",
  "unlinkSync",
  "renameSync",
  "utimesSync",
  "writeFileSync",
  "writeSync",
  "ftruncateSync",
  "appendFileSync",
  "copyFileSync",
] as const;

class PowerCut extends Error {}

/**
 * Lets so many changes through; from the next on nothing is done any more, whatever the call still tries. Returns how many
 * it tried, and which files it wrote, whose data may not have reached the disk.
 */
function cutAfter(count: number, act: () => unknown): { tried: number; written: string[] } {
  let tried = 0;
  const written: string[] = [];
  const spies = CHANGES.map((name) => {
    const real = fs[name];
    return vi.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
      tried += 1;
      if (tried > count) throw new PowerCut();
      const result: unknown = Reflect.apply(real, fs, args);
      if (name === "writeFileSync") written.push(String(args[0]));
      if (name === "renameSync" || name === "linkSync") {
        if (written.includes(String(args[0]))) written.push(String(args[1]));
      }
      return result;
    }) as never);
  });
  try {
    act();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { tried, written };
}

/** How the disk is found after the cut: all that was written, or names without data, as file systems leave them that write data late. */
const LOSSES = ["nothing", "data"] as const;

function lose(loss: (typeof LOSSES)[number], written: readonly string[]): void {
  if (loss === "nothing") return;
  for (const file of written) if (fs.existsSync(file)) fs.truncateSync(file);
}

interface Network {
  readonly dataDir: string;
  readonly folder: string;
  readonly config: object;
}

/** A dual-stack network whose IPv4 range has four addresses. */
function networkOf(ipam: object = {}): Network {
  const dataDir = temporaryFolder();
  const ranges = [[{ subnet: "10.1.2.0/29", rangeEnd: "10.1.2.5" }], [{ subnet: "2001:db8::/64" }]];
  return {
    dataDir,
    folder: path.join(dataDir, "net"),
    config: {
      cniVersion: "1.1.0",
      name: "net",
      type: "bridge",
      ipam: { type: "host-local", dataDir, ranges, ...ipam },
    },
  };
}

/** The third boot, that after the cut, is later than all that was written before. */
function boot(nth: 1 | 2 | 3): void {
  reboot(`b00${nth}`, Date.now() + { 1: -60_000, 2: 0, 3: 10_000 }[nth]);
}

/** Leases by address: owner. Void ones have owner "". */
function leasesOf({ folder }: Network): Record<string, string> {
  if (!fs.existsSync(folder)) return {};
  const names = fs.readdirSync(folder).filter((name) => /^[0-9a-f]+[.:]/.test(name));
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8").trim()]));
}

function addressesOf(outcome: Outcome): string[] {
  expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
  return outcome.json.ips.map((ip: { address: string }) => ip.address.split("/")[0]);
}

interface Scenario {
  readonly ipam?: object;
  /** What there is before the call. */
  readonly before: (network: Network) => void;
  readonly act: (network: Network) => unknown;
  /** Containers whose addresses the call may not touch. */
  readonly bystanders: readonly string[];
}

const add = (network: Network, containerId: string) => hostLocal("ADD", network.config, { containerId });
const del = (network: Network, containerId: string) => hostLocal("DEL", network.config, { containerId });
const gc = (network: Network, ...valid: string[]) =>
  hostLocal("GC", {
    ...network.config,
    "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
  });

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "the first ADD": { before: () => {}, act: (network) => add(network, "x"), bystanders: [] },
  "an ADD": { before: (network) => add(network, "a"), act: (network) => add(network, "x"), bystanders: ["a"] },
  "an ADD on a Go plugin's leases": {
    before: ({ folder }) => {
      fs.mkdirSync(folder, { recursive: true });
      for (const [name, text] of [
        ["10.1.2.2", "a\r\neth0"],
        ["2001:db8::2", "a\r\neth0"],
        ["lock", ""],
      ] as const) {
        write(folder, name, text);
      }
    },
    act: (network) => add(network, "x"),
    bystanders: ["a"],
  },
  "an ADD after a reboot, which gets its addresses back": {
    before: (network) => {
      for (const containerId of ["a", "x"]) add(network, containerId);
      boot(2);
      add(network, "b");
    },
    act: (network) => add(network, "x"),
    bystanders: ["b"],
  },
  "an ADD that reclaims": {
    before: (network) => {
      for (const containerId of ["a", "b", "c", "d"]) add(network, containerId);
      boot(2);
      add(network, "b");
    },
    act: (network) => add(network, "x"),
    bystanders: ["b"],
  },
  "an ADD that takes what rests": {
    ipam: { releaseDelay: 600 },
    before: (network) => {
      for (const containerId of ["a", "b", "c", "d"]) add(network, containerId);
      for (const containerId of ["b", "c"]) del(network, containerId);
    },
    act: (network) => add(network, "x"),
    bystanders: ["a", "d"],
  },
  "a DEL": {
    ipam: { releaseDelay: 600 },
    before: (network) => {
      for (const containerId of ["a", "x"]) add(network, containerId);
    },
    act: (network) => del(network, "x"),
    bystanders: ["a"],
  },
  "a GC": {
    before: (network) => {
      for (const containerId of ["a", "x", "b"]) add(network, containerId);
    },
    act: (network) => gc(network, "a"),
    bystanders: ["a"],
  },
};

/** Everything that must hold on a disk as the cut left it, in the next boot. */
function expectSound(network: Network, scenario: Scenario, kept: Readonly<Record<string, string>>): void {
  expect(leasesOf(network)).toMatchObject(kept);
  expect(Object.values(leasesOf(network)).filter((text) => text !== "" && !text.endsWith("\r\neth0"))).toEqual([]);

  // In the next boot the containers come back, at last that of the cut call, and each gets an address of its own.
  boot(3);
  const containers = [...scenario.bystanders, "x"];
  const came = containers.map((containerId) => addressesOf(add(network, containerId)));
  for (const [index, containerId] of scenario.bystanders.entries()) {
    const own = Object.keys(kept).filter((name) => kept[name] === `${containerId}\r\neth0`);
    expect(new Set(came[index])).toEqual(new Set(own));
  }
  expect(new Set(came.flat()).size).toBe(came.flat().length);
  for (const [index, containerId] of containers.entries()) {
    for (const name of came[index] ?? []) expect(leasesOf(network)[name]).toBe(`${containerId}\r\neth0`);
  }

  // No address is lost: as many more containers as there are addresses get one, and then no more.
  const more = Array.from({ length: 4 - came.length }, (_, index) => addressesOf(add(network, `n${index}`)));
  expect(new Set([...came, ...more].map(([ipv4]) => ipv4))).toEqual(
    new Set(["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5"]),
  );
  expect(add(network, "one-too-many").json.code).toBe(100);

  // And DEL leaves nothing, but what marks the last address.
  for (const containerId of ["a", "b", "c", "d", "x", "n0", "n1", "n2", "n3"]) {
    expect(del(network, containerId)).toMatchObject({ status: 0, stdout: "" });
  }
  expect(leasesOf(network)).toEqual({});
}

describe.each(Object.entries(SCENARIOS))("a power cut during %s", (_title, scenario) => {
  test.each(LOSSES.map((loss) => [loss] as const))(
    "after any of its changes loses %s, and no address",
    (loss) => {
      for (let count = 0; ; count += 1) {
        boot(1);
        const network = networkOf(scenario.ipam);
        scenario.before(network);
        const owners = scenario.bystanders.map((containerId) => `${containerId}\r\neth0`);
        const kept = Object.fromEntries(Object.entries(leasesOf(network)).filter(([, text]) => owners.includes(text)));
        expect(Object.keys(kept)).toHaveLength(2 * owners.length);
        const { tried, written } = cutAfter(count, () => scenario.act(network));
        lose(loss, written);
        expectSound(network, scenario, kept);
        if (tried <= count) {
          expect(count).toBeGreaterThan(5);
          return;
        }
      }
    },
    60_000,
  );
});
