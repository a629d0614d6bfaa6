import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Caller, confDir, jsonOf } from "../caller.ts";
import { LISTS_IN_VM } from "./kinds.ts";

let caller: Caller;

beforeEach(() => {
  caller = new Caller();
});

afterEach(() => caller.dispose());

it.each(Object.entries(LISTS_IN_VM))(
  "%s attaches, carries traffic and detaches as it stands",
  (file, { answers, neighbour = [], through }) => {
    const { name } = JSON.parse(fs.readFileSync(path.join(confDir, file), "utf8"));
    const { lab } = caller;
    const [netns, outside] = [lab.addNamespace("c1"), lab.addNamespace("outside")];
    lab.run(["ip", "link", "add", "eth0", "up", "type", "veth", "peer", "name", "lan0", "netns", outside]);
    for (const command of ["ip link set lan0 up", ...neighbour]) lab.run(command.split(" "), outside);
    const run = (command: string) => caller.cnictl([command, name, netns]);
    jsonOf(run("add"));
    expect(run("check")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    if (neighbour.length === 0) lab.run(["ip", "link", "set", "lo", "up"], netns);
    lab.run(["ping", "-n", "-c1", "-w20", ...(through === undefined ? [] : ["-I", through]), answers], netns);
    expect(run("del")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(lab.ip("link show", netns)).toHaveLength(1);
  },
);
