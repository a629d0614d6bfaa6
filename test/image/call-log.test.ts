import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { beginTrace } from "../../src/cni/call-trace.ts";
import type { Edge } from "../../src/cni/edge.ts";
import { beginRecord } from "../../src/image/call-log.ts";

/** What the journal was sent, and what it fails with. */
const journal = vi.hoisted(() => ({ entries: [] as Readonly<Record<string, string>>[], error: undefined as unknown }));

vi.mock("../../src/linux/journal.ts", () => ({
  sendToJournal: (fields: Readonly<Record<string, string>>) => {
    if (journal.error !== undefined) throw journal.error;
    journal.entries.push(fields);
  },
}));

let folder: string;
let config: string;
let log: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "call-log-"));
  [config, log] = [path.join(folder, "config.json"), path.join(folder, "cni.log")];
  configure({ log });
  Object.assign(journal, { entries: [], error: undefined });
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function configure(value: unknown): void {
  fs.writeFileSync(config, typeof value === "string" ? value : JSON.stringify(value));
}

const ENVIRONMENT = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_IFNAME: "eth0",
  CNI_NETNS: "/run/netns/blue",
  TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};
const STDIN = '{"cniVersion":"1.1.0","name":"net1"}';
const RESULT = '{"cniVersion":"1.1.0","ips":[{"address":"10.88.0.2/16"}]}';
const REFUSAL = '{"code":11,"msg":"no more","details":"in net1"}';

/** A process, and what it printed. */
function process(parts: Partial<Edge> = {}) {
  const printed = { out: "", err: "" };
  const edge: Edge = {
    environment: ENVIRONMENT,
    readStdin: () => Buffer.from(STDIN),
    writeOut: (text) => {
      printed.out += text;
    },
    writeErr: (text) => {
      printed.err += text;
    },
    isOwnNetns: (netns) => netns === "/own",
    ...parts,
  };
  return { edge, printed };
}

function begin(edge: Edge) {
  return beginRecord("bridge", edge, { file: config, trace: beginTrace(() => ({ message: "" })) });
}

/** Serves a call that prints this and ends with that code. */
function call({ environment = {}, printing = RESULT, code = 0 } = {}) {
  const { edge, printed } = process({ environment: { ...ENVIRONMENT, ...environment } });
  const logged = begin(edge);
  logged?.edge.readStdin();
  logged?.edge.writeOut(printing);
  logged?.finish(code);
  return printed;
}

function records(): unknown[] {
  if (!fs.existsSync(log)) return [];
  return fs
    .readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const RECORD = {
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  milliseconds: expect.any(Number),
  phases: expect.any(Object),
  plugin: "bridge",
  command: "ADD",
  network: "net1",
  containerId: "c1",
  ifname: "eth0",
  netns: "/run/netns/blue",
  traceparent: ENVIRONMENT.TRACEPARENT,
};

describe("beginRecord()", () => {
  test("gives an edge that reads and prints as the process's own", () => {
    const { edge, printed } = process();
    const logged = begin(edge);
    expect(Buffer.from(logged?.edge.readStdin() ?? []).toString()).toBe(STDIN);
    logged?.edge.writeOut("one ");
    logged?.edge.writeOut("two");
    logged?.edge.writeErr("a warning");
    expect(printed).toEqual({ out: "one two", err: "a warning" });
    expect(logged?.edge.isOwnNetns("/own")).toBe(true);
  });

  test("writes a line for each call, at its end, with what it was given and what it printed", () => {
    const { edge } = process();
    const logged = begin(edge);
    logged?.edge.readStdin();
    logged?.edge.writeOut(RESULT);
    expect(records()).toEqual([]);
    logged?.finish(0);
    expect(call({ printing: REFUSAL, code: 1 })).toEqual({ out: REFUSAL, err: "" });
    expect(records()).toEqual([
      { ...RECORD, addresses: ["10.88.0.2/16"] },
      { ...RECORD, error: { code: 11, msg: "no more", details: "in net1" } },
    ]);
  });

  test("says what the call spent its time on, which is all of its time", () => {
    const trace = beginTrace(() => ({ message: "" }));
    const logged = beginRecord("bridge", process().edge, { file: config, trace });
    trace.open({ phase: "links", kind: "RTM_NEWLINK", action: "add bridge" }).run(() => {
      const end = performance.now() + 5;
      while (performance.now() < end);
    });
    logged?.finish(0);
    const [{ milliseconds, phases }] = records() as [{ milliseconds: number; phases: Record<string, number> }];
    expect(phases["links"]).toBeGreaterThanOrEqual(4.9);
    expect(Object.values(phases).reduce((sum, each) => sum + each, 0)).toBeCloseTo(milliseconds, 2);
  });

  test("has no result that the caller did not get", () => {
    const { edge } = process({
      writeOut: () => {
        throw new Error("EPIPE");
      },
    });
    const logged = begin(edge);
    expect(() => logged?.edge.writeOut(RESULT)).toThrow("EPIPE");
    logged?.finish(1);
    expect(records()).toMatchObject([{ error: { code: 1, msg: "" } }]);
  });

  test.each([
    ["of VERSION", { environment: { CNI_COMMAND: "VERSION" } }],
    ["without a command", { environment: { CNI_COMMAND: "" } }],
    ["of a STATUS that finds nothing wrong", { environment: { CNI_COMMAND: "STATUS" } }],
  ])("writes nothing of a call %s", (_, options) => {
    expect(call(options).err).toBe("");
    expect(records()).toEqual([]);
  });

  test("writes a STATUS that finds something wrong", () => {
    call({ environment: { CNI_COMMAND: "STATUS" }, printing: REFUSAL, code: 1 });
    expect(records()).toMatchObject([{ command: "STATUS", error: { code: 11 } }]);
  });

  test.each(["{", "{}", "[]", '{"log": 7}', '{"log": "cni.log"}', '{"log": ""}'])(
    "records nothing with the configuration %s, and says why in a line",
    (text) => {
      configure(text);
      const { edge, printed } = process();
      expect(begin(edge)).toBeUndefined();
      expect(printed).toEqual({ out: "", err: expect.stringMatching(/^Cannot log this call: .+\n$/) });
    },
  );

  test("records nothing if the configuration cannot be read, and says why in a line", () => {
    config = path.join(folder, "none");
    const { edge, printed } = process();
    expect(begin(edge)).toBeUndefined();
    expect(printed.err).toMatch(/^Cannot log this call: .*none.*\n$/);
  });

  test("fails no call whose record cannot be written, and says why in a line", () => {
    fs.mkdirSync(log);
    expect(call()).toEqual({ out: RESULT, err: expect.stringMatching(/^Cannot log this call: .+\n$/) });
  });

  test("fails no call that cannot say so either", () => {
    const { edge } = process({
      writeErr: () => {
        throw new Error("EBADF");
      },
    });
    const logged = begin(edge);
    fs.mkdirSync(log);
    expect(() => logged?.finish(0)).not.toThrow();
    configure("{");
    expect(begin(edge)).toBeUndefined();
  });
});

describe("the journal", () => {
  beforeEach(() => configure({ log: "journal" }));

  test("gets a call as fields, without those that it has not got", () => {
    call();
    expect(journal.entries).toEqual([
      {
        MESSAGE: expect.stringMatching(/^ADD bridge net1 c1 eth0: 10\.88\.0\.2\/16 in [\d.]+ ms$/),
        PRIORITY: "6",
        SYSLOG_IDENTIFIER: "cni-bridge",
        CNI_PLUGIN: "bridge",
        CNI_COMMAND: "ADD",
        CNI_NETWORK: "net1",
        CNI_CONTAINERID: "c1",
        CNI_IFNAME: "eth0",
        CNI_NETNS: "/run/netns/blue",
        CNI_ADDRESSES: "10.88.0.2/16",
        CNI_MILLISECONDS: expect.stringMatching(/^[\d.]+$/),
        CNI_PHASES: expect.stringMatching(/^(other=[\d.]+)?$/),
        TRACEPARENT: ENVIRONMENT.TRACEPARENT,
      },
    ]);
    expect(records()).toEqual([]);
  });

  test("gets an error as one", () => {
    call({ printing: REFUSAL, code: 1 });
    const error = { CNI_ERROR_CODE: "11", CNI_ERROR_MSG: "no more", CNI_ERROR_DETAILS: "in net1" };
    expect(journal.entries).toEqual([expect.objectContaining({ PRIORITY: "3", ...error })]);
    expect(journal.entries[0]).not.toHaveProperty("CNI_ADDRESSES");
  });

  test("fails no call if it takes nothing", () => {
    journal.error = new Error("nobody listens");
    expect(call()).toEqual({ out: RESULT, err: "Cannot log this call: nobody listens\n" });
  });
});
