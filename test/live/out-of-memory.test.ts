import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildNative } from "../../build/native-image.mjs";
import { Lab } from "../lab.ts";
import { errorOf, leaseFiles, masqueraded } from "./traces.ts";

let lab: Lab;
let netns: string;
let bin: string;

/** An image that asks the kernel for memory in smaller pieces, so that it runs out in more places. */
beforeAll(async () => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  bin = path.join(lab.dir, "bin");
  fs.mkdirSync(bin);
  await buildNative(path.join(bin, "bridge"), { flags: ["-DARENA_PIECE=86016", "-DARENA_LARGE=65536"] });
  fs.linkSync(path.join(bin, "bridge"), path.join(bin, "host-local"));
}, 180_000);

afterAll(() => lab.dispose());

/** A call that gets no memory from the n-th time on. With a filler, other places need it. */
function run(command: string, { from = 60_000, filler = "" } = {}) {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
  const bridge = { bridge: "br0", isGateway: true, ipMasq: true, removeEmptyBridge: true };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", ...bridge, ipam, filler };
  const log = path.join(lab.dir, "strace");
  const calls = "mmap,mremap";
  const inject = `inject=${calls}:error=ENOMEM:when=${from}+`;
  const wrapper = ["strace", "-qq", "-o", log, "-e", `trace=${calls}`, "-e", inject];
  const outcome = lab.plugin("bridge", { command, config, netns, bin, wrapper });
  return { outcome, requests: fs.readFileSync(log, "utf8").split("\n").length - 1 };
}

function traces() {
  const links = [lab.host, netns].map((place) => lab.ip("link show", place).map((link) => Object(link).ifname));
  return { links, leases: leaseFiles(lab), rules: masqueraded(lab) };
}

/** The codes of all errors. */
const seen: number[] = [];

test.each([0, 10, 20, 30, 40, 50, 60])(
  "wherever memory runs out, ADD prints an error object and takes back what it did: %i KB",
  (kilobytes) => {
    const filler = "x".repeat(kilobytes << 10);
    const before = traces();
    const { outcome, requests } = run("ADD", { filler });
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    expect(run("DEL").outcome).toMatchObject({ status: 0 });
    expect(requests).toBeGreaterThan(0);
    const codes = Array.from({ length: requests }, (_, i) => {
      const refused = run("ADD", { from: i + 1, filler }).outcome;
      if (refused.status === 0) run("DEL");
      expect(traces(), `from ${i + 1} of ${requests}: ${refused.stderr}`).toEqual(before);
      return refused.status === 0 ? 0 : errorOf(refused).code;
    });
    seen.push(...codes);
  },
);

// The others say which file could not be read for want of memory.
test("where memory runs out in the middle of a call, the error is code 11: try again", () => {
  expect(seen).toContain(11);
});
