import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, type Traces, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;
let before: Traces;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  before = tracesOf(lab, [netns]);
});

afterEach(() => lab.clear());

afterAll(() => lab.dispose());

const RESULT = '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.9/24","gateway":"10.1.2.1"}]}';

/** A network whose IPAM plugin is a shell script of that name. */
function scripted(name: string, body: string): Partial<Call> & { config: object } {
  fs.mkdirSync(folder(), { recursive: true });
  const script = `#!/bin/sh\necho "$CNI_COMMAND" >>"${folder()}/${name}.calls"\n${body}\n`;
  fs.writeFileSync(path.join(folder(), name), script, { mode: 0o755 });
  return delegated(name);
}

function delegated(type: string, CNI_PATH = `${folder()}:${binDir}`): Partial<Call> & { config: object } {
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true };
  return { config: { ...config, ipam: { type } }, environment: { CNI_PATH } };
}

function folder(): string {
  return path.join(lab.dir, "plugins");
}

/** The commands that a script was called with. */
function callsOf(name: string): string[] {
  return fs.readFileSync(`${folder()}/${name}.calls`, "utf8").trim().split("\n");
}

function run(command: string, call: Partial<Call>, more: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config: {}, netns, ...call, ...more });
}

/** What a script does for ADD; any other command it obeys at once. */
const onAdd = (body: string) => `[ "$CNI_COMMAND" = ADD ] || exit 0\n${body}`;

describe("bridge ADD whose IPAM plugin", () => {
  const unreadable = (name: string, reason: string) => ({
    code: 108,
    msg: `Cannot read the result of plugin "${name}": ${reason}`,
  });
  const failed = (name: string, msg: unknown) => ({ code: 108, msg, details: `plugin "${name}"` });
  const unparsable = (stdout: string) =>
    expect.stringMatching(/^netplugin failed but error parsing its diagnostic message /) &&
    expect.stringContaining(JSON.stringify(stdout));
  const garbled = "invalid character 'g' looking for beginning of value";

  test.each<[string, string, string, object]>([
    ["prints nothing", "quiet", "exit 0", unreadable("quiet", "unexpected end of JSON input")],
    [
      "prints half an object",
      "half",
      `printf '{"cniVersion":"1.1.0","ips":['`,
      unreadable("half", "unexpected end of JSON input"),
    ],
    ["prints garbage", "garbage", "echo garbage", unreadable("garbage", garbled)],
    [
      "prints a list",
      "list",
      "echo '[]'",
      { code: 108, msg: expect.stringMatching(/^Cannot read the result of plugin "list": /) },
    ],
    [
      "prints an address that is none",
      "junk",
      `echo '${RESULT.replace("10.1.2.9/24", "10.1.2.9")}'`,
      { code: 108, msg: expect.stringMatching(/^Cannot read the result of plugin "junk": .*10\.1\.2\.9/) },
    ],
    [
      "prints a version that there is not",
      "future",
      `echo '${RESULT.replace("1.1.0", "9.9.9")}'`,
      { code: 108, msg: expect.stringMatching(/^Cannot read the result of plugin "future": .*9\.9\.9/) },
    ],
    ["prints no address", "empty", "echo '{}'", { code: 108, msg: "IPAM plugin returned missing IP config" }],
    ["prints null", "null", "echo null", { code: 108, msg: "IPAM plugin returned missing IP config" }],
    ["prints a result and fails", "liar", `echo '${RESULT}'; exit 1`, failed("liar", unparsable(`${RESULT}\n`))],
    ["fails in silence", "mute", "exit 7", failed("mute", "netplugin failed with no error message: exit status 7")],
    [
      "fails with words on standard error",
      "wordy",
      "echo no luck >&2; exit 1",
      failed("wordy", 'netplugin failed: "no luck\\n"'),
    ],
    ["fails with garbage", "confused", "echo garbage; exit 1", failed("confused", unparsable("garbage\n"))],
    ["dies by SIGKILL", "killed", "kill -9 $$", failed("killed", "netplugin failed with no error message: signal 9")],
    [
      "dies by SIGSEGV with a result printed",
      "crashed",
      `echo '${RESULT}'; kill -11 $$`,
      failed("crashed", unparsable(`${RESULT}\n`)),
    ],
    [
      "prints 100 MB",
      "loud",
      "head -c 100000000 /dev/zero",
      {
        code: 108,
        msg: expect.stringMatching(
          /^Cannot run plugin "loud": .*it printed more than 4194304 bytes to its stdout and was killed$/,
        ),
      },
    ],
    [
      "writes 100 MB on standard error",
      "noisy",
      `head -c 100000000 /dev/zero >&2; echo '${RESULT}'`,
      {
        code: 108,
        msg: expect.stringMatching(
          /^Cannot run plugin "noisy": .*it printed more than 4194304 bytes to its stderr and was killed$/,
        ),
      },
    ],
  ])("%s fails, calls its DEL and leaves nothing", (_, name, body, expected) => {
    expect(errorOf(run("ADD", scripted(name, onAdd(body))))).toEqual(expected);
    expect(callsOf(name)).toEqual(["ADD", "DEL"]);
    expect(tracesOf(lab, [netns])).toEqual(before);
  });

  test("refuses in order hands its error on, and owes no DEL", () => {
    const body = `echo '{"code":42,"msg":"no","details":"not today"}'; exit 3`;
    expect(errorOf(run("ADD", scripted("refuser", onAdd(body))))).toEqual({
      code: 42,
      msg: "no",
      details: "not today",
    });
    expect(callsOf("refuser")).toEqual(["ADD"]);
    expect(tracesOf(lab, [netns])).toEqual(before);
  });

  test("fails ADD and DEL alike: both are told, the first one as the error", () => {
    const outcome = run("ADD", scripted("hopeless", `echo "no $CNI_COMMAND" >&2; exit 1`));
    expect(errorOf(outcome)).toEqual(failed("hopeless", 'netplugin failed: "no ADD\\n"'));
    expect(outcome.stderr).toContain('Cannot undo: netplugin failed: "no DEL\\n"\n');
    expect(callsOf("hopeless")).toEqual(["ADD", "DEL"]);
    expect(tracesOf(lab, [netns])).toEqual(before);
  });

  test("writes 3 MB on standard error and succeeds: all of it is handed on", () => {
    const line = "x".repeat(99);
    const body = `yes ${line} | head -n 30000 >&2; echo '${RESULT}'`;
    const outcome = run("ADD", scripted("chatty", body));
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toBe(`${line}\n`.repeat(30_000));
    expect(JSON.parse(outcome.stdout).ips).toEqual([{ address: "10.1.2.9/24", gateway: "10.1.2.1", interface: 2 }]);
  });

  test("inherits three descriptors, standard input as it came, and the environment", () => {
    const file = `${folder()}/seen`;
    const body = `[ "$CNI_COMMAND" = ADD ] || exit 0
      ls -l /proc/$$/fd >${file}.fd; cat >${file}.in; env >${file}.env; echo '${RESULT}'`;
    const own = fs.readdirSync("/proc/self/fd").map(linkOf);
    const input = ` ${JSON.stringify({ ...scripted("nosy", body).config, Extra: [1.5, "<>"] })}\n`;
    const call = { config: input, environment: { CNI_PATH: folder(), TRACEPARENT: "00-1-2-3" } };
    expect(run("ADD", call)).toMatchObject({ status: 0, stderr: "" });
    const links = fs.readFileSync(`${file}.fd`, "utf8").match(/[0-9]+ -> .*/g) ?? [];
    // The shell keeps the script and what it redirects from 10 on; what this process has inherited goes on to all.
    const inherited = links.filter((link) => !/^1[0-9] /.test(link) && !own.includes(link.replace(/^[0-9]+ -> /, "")));
    expect(inherited.map((link) => link.split(" ")[0])).toEqual(["0", "1", "2"]);
    expect(fs.readFileSync(`${file}.in`, "utf8")).toBe(input);
    expect(fs.readFileSync(`${file}.env`, "utf8")).toMatch(/^TRACEPARENT=00-1-2-3$/m);
  });

  test("leaves a process of its own behind that holds the pipes open: the call does not wait for it", () => {
    const body = onAdd(`sleep 30 & echo $! >${folder()}/daemon.pid; echo '${RESULT}'`);
    const started = performance.now();
    expect(run("ADD", scripted("daemon", body)).status).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    process.kill(Number(fs.readFileSync(`${folder()}/daemon.pid`, "utf8")), "SIGKILL");
  });
});

describe("bridge with an IPAM plugin that cannot be run", () => {
  test.each<[string, string, () => void, object]>([
    [
      "is missing",
      "missing",
      () => {},
      { code: 108, msg: expect.stringMatching(/^failed to find plugin "missing" in path \[/) },
    ],
    [
      "is a folder",
      "folder",
      () => fs.mkdirSync(`${folder()}/folder`, { recursive: true }),
      { code: 108, msg: expect.stringMatching(/^failed to find plugin "folder" in path \[/) },
    ],
    ["is a path", "../bridge", () => {}, { code: 7, msg: "invalid plugin name: ../bridge" }],
    [
      "may not be executed",
      "plain",
      () => write("plain", "#!/bin/sh\n", 0o644),
      { code: 108, msg: expect.stringMatching(/^Cannot run plugin "plain": .*Permission denied$/) },
    ],
    [
      "is no program",
      "data",
      () => write("data", "junk", 0o755),
      { code: 108, msg: expect.stringMatching(/^Cannot run plugin "data": .*Exec format error$/) },
    ],
    [
      "has no interpreter",
      "orphan",
      () => write("orphan", "#!/nonexistent\n", 0o755),
      { code: 108, msg: expect.stringMatching(/^Cannot run plugin "orphan": .*No such file or directory$/) },
    ],
  ])("%s: ADD leaves nothing, and DEL takes away all but the lease", (_, name, prepare, expected) => {
    prepare();
    expect(errorOf(run("ADD", delegated(name)))).toEqual(expected);
    expect(tracesOf(lab, [netns])).toEqual(before);

    expect(run("ADD", scripted("sound", `echo '${RESULT}'`)).status).toBe(0);
    expect(errorOf(run("DEL", delegated(name)))).toEqual(expected);
    const { network, rules } = tracesOf(lab, [netns]);
    expect(network[path.basename(netns)]).toEqual(before.network[path.basename(netns)]);
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(rules).not.toContain("10.1.2.9");
  });

  test("CNI_PATH is searched in its order, and its empty parts lead nowhere", () => {
    const outcome = run("ADD", { ...delegated("missing", `:/nonexistent::${folder()}:`) });
    expect(errorOf(outcome).msg).toBe(`failed to find plugin "missing" in path [/nonexistent ${folder()}]`);
    const { config } = scripted("here", `echo '${RESULT}'`);
    const wrapper = ["env", "-C", folder()];
    expect(errorOf(run("ADD", { config, environment: { CNI_PATH: "::" }, wrapper }))).toEqual({
      code: 4,
      msg: "no paths provided",
      details: "CNI_PATH",
    });
    expect(tracesOf(lab, [netns])).toEqual(before);
    expect(run("ADD", { config, environment: { CNI_PATH: `:/nonexistent::${folder()}:` } }).status).toBe(0);
  });
});

describe("bridge DEL whose IPAM plugin", () => {
  test.each([
    ["does not read its input", "exit 0", 0],
    ["fails", `echo '{"code":11,"msg":"busy"}'; exit 1`, 1],
    ["dies", "kill -9 $$", 1],
    ["prints 100 MB", "head -c 100000000 /dev/zero", 1],
  ])("%s: everything else goes all the same", (_, body, status) => {
    const call = scripted("del", `[ "$CNI_COMMAND" = DEL ] || { echo '${RESULT}'; exit 0; }\n${body}`);
    expect(run("ADD", call).status).toBe(0);
    const outcome = run("DEL", call);
    expect(outcome.status).toBe(status);
    if (status !== 0) errorOf(outcome);
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(tracesOf(lab, [netns]).rules).not.toContain("10.1.2.9");
    expect(lab.processes()).toEqual([]);
  });
});

function write(name: string, text: string, mode: number): void {
  fs.mkdirSync(folder(), { recursive: true });
  fs.writeFileSync(path.join(folder(), name), text, { mode });
}

function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}
