import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";
import { rulesAbout } from "./masquerading.ts";
import { errorOf, leaseFiles } from "./traces.ts";

const COUNT = 200;

let lab: Lab;
let containers: string[];

beforeEach(() => {
  lab = new Lab();
  containers = Array.from({ length: COUNT }, (_, index) => lab.addNamespace(`c${index}`));
});

afterEach(() => lab.dispose());

/** Code of what is worth another try, and of what CHECK finds of a container whose DEL is at work. */
const [BUSY, DIFFERS] = [11, 104];

it.each(["nftables", "iptables"])(
  "%s: 200 DELs at once, with GC, STATUS and CHECK between them, end well; who finds others at work waits, or says so",
  async (backend) => {
    const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
    const net = { cniVersion: "1.1.0", name: "net1" };
    const bridge = {
      ...net,
      type: "bridge",
      bridge: "br0",
      isGateway: true,
      ipMasq: true,
      ipMasqBackend: backend,
      removeEmptyBridge: true,
      ipam,
    };
    const start = (command: string, index: number, members: object = {}) => {
      const began = performance.now();
      const call = {
        command,
        config: { ...bridge, ...members },
        containerId: `c${index}`,
        netns: containers[index] ?? "",
      };
      return lab
        .start("bridge", call)
        .ended.then((outcome) => ({ ...outcome, command, ms: performance.now() - began }));
    };
    const all = Array.from({ length: COUNT }, (_, index) => index);
    const results: Outcome[] = [];
    for (let first = 0; first < COUNT; first += 20)
      results.push(...(await Promise.all(all.slice(first, first + 20).map((index) => start("ADD", index)))));
    expect(results.filter(({ status }) => status !== 0)).toEqual([]);
    const prevResults = results.map(({ stdout }) => JSON.parse(stdout));
    const valid = all.map((index) => ({ containerID: `c${index}`, ifname: "eth0" }));
    const outcomes = await Promise.all(
      all.flatMap((index) => [
        start("DEL", index, { prevResult: prevResults[index] }),
        ...(index % 20 === 0
          ? [
              start("GC", index, { "cni.dev/valid-attachments": valid }),
              start("STATUS", index),
              start("CHECK", index, { prevResult: prevResults[index] }),
            ]
          : []),
      ]),
    );
    const failed = outcomes.filter(({ status }) => status !== 0);
    console.log(
      `${backend}: the slowest took ${(Math.max(...outcomes.map(({ ms }) => ms)) / 1000).toFixed(1)} s; ${failed.map((each) => `${each.command} ${each.stdout}`).join("\n")}`,
    );
    for (const each of failed)
      expect([BUSY, ...(each.command === "CHECK" ? [DIFFERS] : [])]).toContain(errorOf(each).code);
    expect(failed.filter(({ command }) => command === "DEL")).toEqual([]);
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(leaseFiles(lab)).toEqual([]);
    expect(rulesAbout(lab, "id: c")).toEqual([]);
  },
);
