import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab, type Outcome } from "../lab.ts";
import { errorOf, leaseFiles, masqueraded } from "./traces.ts";

let lab: Lab;
let containers: string[];

beforeAll(() => {
  lab = new Lab();
  containers = Array.from({ length: 254 }, (_, index) => lab.addNamespace(`c${index}`));
});

afterAll(() => lab.dispose());

function config(): object {
  const members = { bridge: "br0", isGateway: true, ipMasq: true };
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...members, ipam };
}

/** Starts the call for containers from `first` on, all at once, and waits for all of them. */
async function atOnce(command: string, { first = 0, count }: { first?: number; count: number }): Promise<Outcome[]> {
  const started = performance.now();
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const outcomes = await Promise.all(
    numbers.map((number) => {
      const call = { command, config: config(), containerId: `c${number}`, netns: containers[number] ?? "" };
      return lab.start("bridge", call).ended;
    }),
  );
  console.log(`${count} ${command}s at once: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return outcomes;
}

function addressesOf(outcomes: readonly Outcome[]): string[] {
  expect(outcomes.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
  return outcomes.map(({ stdout }) => JSON.parse(stdout).ips[0].address);
}

test("bridge: 200 ADDs at once get 200 addresses, 53 more fill the range, and as many DELs leave nothing", async () => {
  const given = addressesOf(await atOnce("ADD", { count: 200 }));
  expect(new Set(given).size).toBe(200);
  given.push(...addressesOf(await atOnce("ADD", { first: 200, count: 53 })));
  const all = Array.from({ length: 253 }, (_, index) => `10.1.2.${index + 2}/24`);
  expect([...given].sort()).toEqual([...all].sort());
  expect(masqueraded(lab).filter((line) => line.includes("goto"))).toHaveLength(253);
  for (const index of [0, 99, 199, 252]) lab.run(["ping", "-c1", "-W10", given[index]?.split("/")[0] ?? ""]);

  const call = { command: "ADD", config: config(), containerId: "c253", netns: containers[253] ?? "" };
  expect(errorOf(lab.plugin("bridge", call))).toEqual({
    code: 100,
    msg: "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.254",
    details: "253 leased, 0 of them reclaimable, 0 resting, 0 excluded",
  });
  expect(lab.ip("link show", containers[253])).toHaveLength(1);
  expect(lab.ip("link show type veth")).toHaveLength(253);

  const deleted = await atOnce("DEL", { count: 253 });
  expect(deleted.filter(({ status, stdout, stderr }) => status !== 0 || stdout !== "" || stderr !== "")).toEqual([]);
  expect(lab.leases("net1").filter((name) => !/^\.?lock$/.test(name))).toEqual([".state", "last_reserved_ip.0"]);
  expect(leaseFiles(lab)).toEqual([]);
  expect(lab.ip("link show type veth")).toEqual([]);
  expect(masqueraded(lab)).toEqual([]);
  expect(lab.processes()).toEqual([]);
});
