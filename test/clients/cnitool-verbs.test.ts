import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Caller, jsonOf } from "../caller.ts";
import { referenceDir } from "../parity/reference.ts";

let caller: Caller;
let cnitoolFile: string;

beforeAll(() => {
  cnitoolFile = path.join(referenceDir(), "cnitool");
}, 300_000);
beforeEach(() => {
  caller = new Caller();
});
afterEach(() => caller.dispose());

const quiet = { status: 0, stdout: "", stderr: "" };

function cnitool(command: string, netns: string) {
  return caller.run([cnitoolFile, command, "bridge", netns]);
}

function aliases(): string[] {
  return caller.lab.ip("link show type veth").map((link) => String(Object(link).ifalias));
}

test("cnitool status fails while the bridge's name is taken, in our words, and succeeds afterwards", () => {
  const netns = caller.lab.addNamespace("c1");
  caller.lab.run(["ip", "link", "add", "cni0", "type", "veth", "peer", "name", "cni1"]);
  const refused = cnitool("status", netns);
  expect(refused.status).toBe(1);
  expect(refused.stderr + refused.stdout).toContain(
    'Link "cni0" is of kind "veth", must be a bridge or free: rename or delete it, or set "bridge" to another name',
  );
  caller.lab.run(["ip", "link", "del", "cni0"]);
  expect(cnitool("status", netns)).toMatchObject(quiet);
});

test("cnitool gc, which names no attachment as valid and none as stale, removes what it knows of and no other's", () => {
  const [netns, other] = [caller.lab.addNamespace("c1"), caller.lab.addNamespace("c2")];
  jsonOf(cnitool("add", netns));
  jsonOf(caller.cnictl(["add", "dual-stack", other]));
  expect(cnitool("gc", netns)).toMatchObject(quiet);
  expect(aliases()).toEqual([expect.stringContaining(", net: dual-stack, if: eth0, id: ")]);
});
