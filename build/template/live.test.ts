import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { type Attached, attach } from "./attached.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;
let prevResult: Attached;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  prevResult = attach(lab, netns);
});

afterEach(() => lab.dispose());

function run(command: string, fields: object = {}, more: Partial<Call> = {}): Outcome {
  const config = { cniVersion: "1.1.0", name: "net1", type: "new-name", prevResult, ...fields };
  return lab.plugin("new-name", { command, config, netns, ...more });
}

const quiet = { status: 0, signal: null, stdout: "", stderr: "" };

/** What a call for the whole network is given in place of a container's. */
const ofNetwork = { netns: "", ifname: "", containerId: "" };

/** The alias of the container's interface, as `ip` shows it. */
function alias(): unknown {
  return Object(lab.ip("link show dev eth0", netns)[0]).ifalias;
}

describe("new-name", () => {
  it("ADD sets the alias and returns prevResult, CHECK finds another one, DEL clears it, and succeeds twice", () => {
    const { status, stdout } = run("ADD", { label: "blue" });
    expect(status, stdout).toBe(0);
    expect(JSON.parse(stdout)).toEqual(prevResult);
    expect(alias()).toBe("new-name: blue");
    expect(run("CHECK", { label: "blue" })).toEqual(quiet);
    expect(errorOf(run("CHECK", { label: "red" }))).toMatchObject({ code: 104 });
    expect(run("DEL", { label: "blue" })).toEqual(quiet);
    expect(alias()).toBeUndefined();
    expect(run("DEL", { prevResult: undefined }, { netns: "/run/netns/missing" })).toEqual(quiet);
  });

  it("GC and STATUS succeed; a wrong configuration is refused before anything is changed", () => {
    expect(run("GC", { prevResult: undefined, "cni.dev/valid-attachments": [] }, ofNetwork)).toEqual(quiet);
    expect(run("STATUS", { prevResult: undefined }, ofNetwork)).toEqual(quiet);
    expect(errorOf(run("ADD", { label: 1 }))).toMatchObject({ code: 7 });
    expect(alias()).toBeUndefined();
  });
});
