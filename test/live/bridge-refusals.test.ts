import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { addFullBridge, FULL } from "./full-bridge.ts";
import { refuseEach, refusing } from "./refusing.ts";
import { errorOf, leaseFiles, masqueraded, spoofChecked, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** A dual-stack network with every step that a kernel without VLANs can take. */
function config(members: object = {}): Record<string, unknown> {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges, routes: [{ dst: "10.9.0.0/16" }] };
  const options = { isDefaultGateway: true, ipMasq: true, hairpinMode: true, portIsolation: true, enabledad: false };
  const spoofchk = "strict";
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", ...options, spoofchk, ipam, ...members };
}

function run(command: string, call: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config: config(), netns, ...call });
}

/**
 * Everything there is, but host-local's notes, and the tables of rules where they are empty, which all calls share. Without MACs: a
 * bridge that nobody gave one is given one for good.
 */
function state(): unknown {
  const { network, processes } = tracesOf(lab, [netns]);
  const withoutMacs = JSON.stringify(network, (key, value) => (key === "address" ? undefined : value));
  const rules = [...masqueraded(lab), ...spoofChecked(lab)];
  return { network: JSON.parse(withoutMacs), processes, leases: leaseFiles(lab), rules };
}

describe("whichever request the kernel refuses,", () => {
  test.each([
    ["on a bridge that is to be made", { removeEmptyBridge: true, mtu: "auto", spoofchk: "strict" }, []],
    [
      "on one that is there, is down, has another address, and a MAC of nobody's",
      { forceAddress: true, hairpinMode: false, promiscMode: true },
      ["ip link add br0 type bridge", "ip address add 10.9.9.1/24 dev br0"],
    ],
  ])("ADD leaves everything as it was, and works the next time: %s", (_, members, commands) => {
    for (const command of commands) lab.run(command.split(" "));
    const before = state();
    const requests = refuseEach(
      (which) => run("ADD", { config: config(members), ...refusing(which) }),
      (outcome, which) => {
        if (outcome.status === 0) return;
        expect(errorOf(outcome), `request ${which}`).toMatchObject({ code: 107 });
        expect(state(), `request ${which}`).toEqual(before);
        expect(outcome.stderr.replace(/^mtu "auto".*\n/, "")).toBe("");
      },
    );
    expect(requests).toBeGreaterThan(20);
    lab.run(["ping", "-c1", "-W10", "10.1.2.1"], netns);
    expect(run("DEL", { config: config(members) })).toMatchObject({ status: 0, stdout: "" });
  });

  test("DEL does all the rest, and the next one does what is left", () => {
    expect(run("ADD").status).toBe(0);
    // The kernel adds this route a moment after the address.
    const found = "ip -6 route show table local dev br0 | grep -q fd00:1::1";
    lab.run(["timeout", "30", "sh", "-c", `until ${found}; do sleep 0.02; done`]);
    expect(run("DEL").status).toBe(0);
    const before = state();
    const requests = refuseEach(
      (which) => {
        expect(run("ADD").status).toBe(0);
        return run("DEL", { config: config({ removeEmptyBridge: false }), ...refusing(which) });
      },
      (outcome, which) => {
        if (outcome.status !== 0) {
          expect(errorOf(outcome), `request ${which}`).toMatchObject({ code: 107 });
          // While the interface is there, or may be, so is its lease.
          const isThere = lab.ip("link show", netns).length > 1;
          if (isThere) expect(leaseFiles(lab), `request ${which}`).toHaveLength(2);
          expect(run("DEL")).toMatchObject({ status: 0, stdout: "", stderr: "" });
        }
        expect(state(), `request ${which}`).toEqual(before);
      },
    );
    expect(requests).toBeGreaterThan(4);
  });
});

test("ADD says of a bridge with as many ports as the kernel allows what to do, and leaves nothing", () => {
  addFullBridge(lab, "br0");
  const before = leaseFiles(lab);
  expect(errorOf(run("ADD"))).toEqual(FULL);
  expect(leaseFiles(lab)).toEqual(before);
  expect(lab.ip("link show", netns)).toHaveLength(1);
});
