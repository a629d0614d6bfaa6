import { describe, expect, test } from "vitest";
import type { Edge } from "../../src/cni/edge.ts";
import { CniError } from "../../src/cni/error.ts";
import { type Plugin, servePlugin } from "../../src/cni/plugin.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";

const EMPTY: Result = { interfaces: [], ips: [], routes: [], dns: {} };

const SUPPORTED = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';

const ATTACHMENT = { CNI_CONTAINERID: "a", CNI_NETNS: "/run/netns/a", CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" };

/** One call of a plugin without a process: what it printed, its exit code, and which verbs ran. */
function call(
  given: Readonly<Record<string, string>>,
  options: { stdin?: string | Uint8Array; plugin?: Partial<Plugin>; edge?: Partial<Edge> } = {},
) {
  const verbs: string[] = [];
  let [out, err, reads] = ["", "", 0];
  const note = (request: Request): void => void verbs.push(request.command);
  const plugin: Plugin = {
    name: "bridge",
    add: (request) => {
      note(request);
      return EMPTY;
    },
    check: note,
    del: note,
    gc: note,
    status: note,
    ...options.plugin,
  };
  const edge: Edge = {
    environment: given,
    readStdin: () => {
      reads++;
      return Buffer.from(options.stdin ?? '{"cniVersion":"1.1.0","name":"net"}');
    },
    writeOut: (text) => {
      out += text;
    },
    writeErr: (text) => {
      err += text;
    },
    isOwnNetns: () => false,
    ...options.edge,
  };
  const exit = servePlugin(plugin, edge, (act) => act(undefined));
  return { exit, out, err, reads, verbs };
}

function failure(code: number, msg: string, details?: string) {
  return { code, msg, ...(details === undefined ? {} : { details }) };
}

/** The one error object on standard output of a call that failed. */
function errorOf({ exit, out }: { exit: number; out: string }): unknown {
  expect(exit).toBe(1);
  return JSON.parse(out);
}

describe("servePlugin, without CNI_COMMAND", () => {
  test.each([{}, { CNI_COMMAND: "" }, { ...ATTACHMENT, CNI_CONTAINERID: "-" }])(
    "introduces itself on standard error and succeeds: %j",
    (environment) => {
      expect(call(environment)).toEqual({
        exit: 0,
        out: "",
        err: "CNI bridge plugin v0.0.0-unpackaged\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n",
        reads: 0,
        verbs: [],
      });
    },
  );
});

describe("servePlugin, VERSION", () => {
  test("prints one compact line, requires nothing and leaves standard input alone", () => {
    expect(call({ CNI_COMMAND: "VERSION", CNI_CONTAINERID: "-", CNI_IFNAME: "a/b" })).toEqual({
      exit: 0,
      out: '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
      err: "",
      reads: 0,
      verbs: [],
    });
  });

  test("lists the plugin's own versions", () => {
    const { out } = call({ CNI_COMMAND: "VERSION" }, { plugin: { versions: ["0.4.0", "1.0.0", "1.1.0"] } });
    expect(out).toBe('{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}\n');
  });
});

describe("servePlugin, variables", () => {
  test.each([
    ["ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"],
    ["CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"],
    ["DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"],
    ["GC", "CNI_PATH"],
    ["STATUS", "CNI_PATH"],
  ])("%s names all that it misses, before it reads anything", (command, names) => {
    for (const empty of [{}, Object.fromEntries(names.split(",").map((name) => [name, ""]))]) {
      const answer = call({ CNI_COMMAND: command, ...empty });
      expect(errorOf(answer)).toEqual(failure(4, `required env variables [${names}] missing`));
      expect(answer.reads).toBe(0);
    }
  });

  test.each(["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"])("ADD and CHECK miss %s", (name) => {
    for (const command of ["ADD", "CHECK"]) {
      const answer = call({ ...ATTACHMENT, CNI_COMMAND: command, [name]: "" });
      expect(errorOf(answer)).toEqual(failure(4, `required env variables [${name}] missing`));
    }
  });

  test("a malformed one beats a missing one that comes after it, and one that comes before it", () => {
    const badId = call({ CNI_COMMAND: "ADD", CNI_CONTAINERID: "-a" });
    expect(errorOf(badId)).toEqual(failure(4, "invalid characters in containerID", "-a"));
    const badIfname = call({ CNI_COMMAND: "CHECK", CNI_IFNAME: "a/b" });
    expect(errorOf(badIfname)).toEqual(failure(4, "interface name contains / or : or whitespace characters"));
  });

  test("the kernel would replace %d by a number: ADD refuses it, and DEL has nothing to delete", () => {
    const variables = { ...ATTACHMENT, CNI_IFNAME: "eth%d" };
    expect(errorOf(call({ ...variables, CNI_COMMAND: "ADD" }))).toEqual(failure(4, "interface name contains %"));
    expect(call({ ...variables, CNI_COMMAND: "DEL" })).toMatchObject({ exit: 0, verbs: ["DEL"] });
  });

  test.each(["GC", "STATUS"])("%s does not look at a container id or interface name", (command) => {
    const answer = call({ CNI_COMMAND: command, CNI_PATH: "/opt", CNI_CONTAINERID: "-", CNI_IFNAME: "a/b" });
    expect(answer).toMatchObject({ exit: 0, out: "", verbs: [command] });
  });

  test("DEL does without CNI_NETNS", () => {
    expect(call({ ...ATTACHMENT, CNI_COMMAND: "DEL", CNI_NETNS: "" })).toMatchObject({ exit: 0, verbs: ["DEL"] });
  });

  test("hands them to the verb", () => {
    let seen: Request | undefined;
    const environment = {
      ...ATTACHMENT,
      CNI_COMMAND: "DEL",
      CNI_ARGS: "A=B",
      CNI_PATH: "/opt::/usr/lib:",
      TRACEPARENT: "x",
    };
    const del = (request: Request): void => {
      seen = request;
    };
    call(environment, { stdin: '{"NAME":"net","cniversion":"0.4.0"}', plugin: { del } });
    expect(seen).toMatchObject({
      command: "DEL",
      containerId: "a",
      netns: "/run/netns/a",
      ifname: "eth0",
      args: "A=B",
      path: ["/opt", "/usr/lib"],
      version: "0.4.0",
      network: "net",
      config: { NAME: "net", cniversion: "0.4.0" },
      environment,
      prevResult: undefined,
    });
    expect(Buffer.from(seen?.stdin ?? []).toString()).toBe('{"NAME":"net","cniversion":"0.4.0"}');
  });
});

describe("servePlugin, standard input", () => {
  const add = { ...ATTACHMENT, CNI_COMMAND: "ADD" };

  test("that cannot be read is code 5", () => {
    const readStdin = (): never => {
      throw new Error("banana");
    };
    const answer = call(add, { edge: { readStdin } });
    expect(errorOf(answer)).toEqual(failure(5, "error reading from stdin: banana"));
  });

  test.each([
    ["", "unexpected end of JSON input"],
    ["  \n", "unexpected end of JSON input"],
    ['{"name":"a"', "unexpected end of JSON input"],
    ['{"name":"a"} x', "invalid character 'x' after top-level value"],
    ['{"name":"a",}', "invalid character '}' looking for beginning of object key string"],
    ["banana", "invalid character 'b' looking for beginning of value"],
    ["\ufeff{}", "invalid character '\ufeff' looking for beginning of value"],
    ["[]", "must be an object, found array"],
    ['"x"', "must be an object, found string"],
    ["1", "must be an object, found number"],
    ["1.0", "must be an object, found number"],
    ["true", "must be an object, found boolean"],
    ['{"name":5}', "Cannot use name 5: must be a string"],
    ['{"name":5.0}', "Cannot use name 5.0: must be a string"],
    ['{"Name":["a"]}', 'Cannot use name ["a"]: must be a string'],
  ])("%j is code 6", (stdin, reason) => {
    expect(errorOf(call(add, { stdin }))).toEqual(failure(6, `error unmarshall network config: ${reason}`));
  });

  test("nested 10,000 levels deep is code 6, and not a stack overflow", () => {
    for (const levels of [10_000, 1_000_000]) {
      const stdin = `{"name":"a","x":${"[".repeat(levels)}${"]".repeat(levels)}}`;
      const reason = "error unmarshall network config: invalid character '[' exceeded max depth";
      expect(errorOf(call(add, { stdin }))).toEqual(failure(6, reason));
    }
  });

  test("nested 9,999 levels deep where nobody looks is no matter", () => {
    const stdin = `{"cniVersion":"1.0.0","name":"a","x":${"[".repeat(9_999)}1.0${"]".repeat(9_999)}}`;
    expect(call(add, { stdin })).toMatchObject({ exit: 0, verbs: ["ADD"] });
  });

  test("of 10 MB is read", () => {
    const stdin = `{"cniVersion":"1.0.0","x":"${"x".repeat(10 << 20)}","name":"a"}`;
    expect(call(add, { stdin })).toMatchObject({ exit: 0, verbs: ["ADD"] });
    expect(errorOf(call(add, { stdin: stdin.slice(0, -1) }))).toEqual(
      failure(6, "error unmarshall network config: unexpected end of JSON input"),
    );
  });

  test("that is not UTF-8 is read with U+FFFD in its place", () => {
    const stdin = Buffer.concat([Buffer.from('{"name":"'), Buffer.of(0xff), Buffer.from('"}')]);
    expect(errorOf(call(add, { stdin }))).toEqual(failure(7, "invalid characters found in network name", "\ufffd"));
    const binary = errorOf(call(add, { stdin: Buffer.of(0x7f, 0x45, 0x4c, 0x46) }));
    expect(binary).toEqual(
      failure(6, "error unmarshall network config: invalid character '\u007f' looking for beginning of value"),
    );
  });

  test.each(["null", "{}", '{"name":""}', '{"name":null}'])("%s has no network name", (stdin) => {
    expect(errorOf(call(add, { stdin }))).toEqual(failure(7, "missing network name"));
  });

  test.each(["a b", "-a", "a/b", ".a", "a\n", "é"])("the network name %j is code 7", (name) => {
    const answer = call(add, { stdin: JSON.stringify({ name }) });
    expect(errorOf(answer)).toEqual(failure(7, "invalid characters found in network name", name));
  });

  test("keys match in any case, the last of several counts, null does not", () => {
    const names = ['{"NAME":"b!","name":"a"}', '{"name":"a","NAME":null}'];
    for (const stdin of names)
      expect(call({ ...add, CNI_COMMAND: "DEL" }, { stdin })).toMatchObject({ verbs: ["DEL"] });
    expect(errorOf(call(add, { stdin: '{"name":"a","NAME":"b!"}' }))).toEqual(
      failure(7, "invalid characters found in network name", "b!"),
    );
  });
});

describe("servePlugin, commands", () => {
  test("an unknown one is code 4, after the configuration was looked at", () => {
    expect(errorOf(call({ CNI_COMMAND: "NOPE" }))).toEqual(failure(4, "unknown CNI_COMMAND: NOPE"));
    expect(errorOf(call({ CNI_COMMAND: "add" }))).toEqual(failure(4, "unknown CNI_COMMAND: add"));
    expect(errorOf(call({ CNI_COMMAND: "FOO" }, { stdin: "{}" }))).toEqual(failure(7, "missing network name"));
  });

  test("ADD prints the result in the version asked for, without a line end", () => {
    const { exit, out } = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { stdin: '{"cniVersion":"0.4.0","name":"a"}' });
    expect({ exit, out }).toEqual({ exit: 0, out: '{\n    "cniVersion": "0.4.0",\n    "dns": {}\n}' });
  });

  test.each(["CHECK", "DEL", "GC", "STATUS"])("%s is silent", (command) => {
    expect(call({ ...ATTACHMENT, CNI_COMMAND: command })).toEqual({
      exit: 0,
      out: "",
      err: "",
      reads: 1,
      verbs: [command],
    });
  });

  test.each(["GC", "STATUS"])("%s succeeds where the plugin has no such verb", (command) => {
    const plugin: Plugin = { name: "x", add: () => EMPTY, check: () => {}, del: () => {} };
    let out = "";
    const edge: Edge = {
      environment: { CNI_COMMAND: command, CNI_PATH: "/opt" },
      readStdin: () => Buffer.from('{"cniVersion":"1.1.0","name":"a"}'),
      writeOut: (text) => {
        out += text;
      },
      writeErr: () => {},
      isOwnNetns: () => false,
    };
    const exit = servePlugin(plugin, edge, (act) => act(undefined));
    expect({ exit, out }).toEqual({ exit: 0, out: "" });
  });
});

describe("servePlugin, versions", () => {
  function serve(command: string, cniVersion: unknown, plugin: Partial<Plugin> = {}) {
    const stdin = JSON.stringify({ name: "a", cniVersion });
    return call({ ...ATTACHMENT, CNI_COMMAND: command }, { stdin, plugin });
  }

  test.each([undefined, null, "", "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])(
    "DEL is served in %j",
    (version) => expect(serve("DEL", version)).toMatchObject({ exit: 0, verbs: ["DEL"] }),
  );

  test.each(["9.9.9", "1.0", "1.0.0-rc1", "x", "v1.0.0"])("ADD and DEL refuse %j", (version) => {
    for (const command of ["ADD", "DEL"]) {
      expect(errorOf(serve(command, version))).toEqual(
        failure(1, "incompatible CNI versions", `config is "${version}", plugin supports ${SUPPORTED}`),
      );
    }
  });

  test("a missing one is 0.1.0, which a newer plugin refuses", () => {
    expect(errorOf(serve("ADD", undefined, { versions: ["0.4.0", "1.0.0"] }))).toEqual(
      failure(1, "incompatible CNI versions", 'config is "0.1.0", plugin supports ["0.4.0" "1.0.0"]'),
    );
  });

  test.each(["ADD", "CHECK", "DEL", "GC", "STATUS"])("%s: one that is no text is code 6", (command) => {
    expect(errorOf(serve(command, 1))).toEqual(
      failure(6, "decoding version from network config: Cannot use cniVersion 1: must be a string"),
    );
  });

  test.each([
    ["CHECK", "0.3.1"],
    ["CHECK", undefined],
    ["GC", "1.0.0"],
    ["STATUS", "1.0.0"],
  ])("%s is not in %s", (command, version) => {
    const answer = serve(command, version);
    expect(errorOf(answer)).toEqual(failure(1, `config version does not allow ${command}`));
    expect(answer.verbs).toEqual([]);
  });

  test.each([
    ["CHECK", "1.2.0"],
    ["GC", "1.1.1"],
    ["STATUS", "2"],
  ])("%s of a version newer than the plugin's: %s", (command, version) => {
    expect(errorOf(serve(command, version))).toEqual(failure(1, `plugin version does not allow ${command}`));
  });

  test.each(["CHECK", "GC", "STATUS"])("%s refuses what is no version", (command) => {
    for (const version of ["x", "1.2.3.4", "1..2", "1.0.0-rc1"]) {
      expect(errorOf(serve(command, version))).toEqual(
        failure(6, `Cannot use cniVersion "${version}": must be one to three integers with dots`),
      );
    }
  });

  test.each(["1.0.1", "1.1"])(
    "CHECK of %s, no newer than the plugin's and none of them, is incompatible",
    (version) => {
      expect(errorOf(serve("CHECK", version))).toEqual(
        failure(1, "incompatible CNI versions", `config is "${version}", plugin supports ${SUPPORTED}`),
      );
    },
  );
});

describe("servePlugin, the host's own network namespace", () => {
  const isOwnNetns = (path: string): boolean => path === "/run/netns/a";

  test("ADD refuses it before anything happens, with one document", () => {
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { edge: { isOwnNetns } });
    expect(errorOf(answer)).toEqual(failure(8, "plugin's netns and netns from CNI_NETNS should not be the same"));
    expect(answer.verbs).toEqual([]);
  });

  test("DEL gets no namespace instead: what is in the host's own is no container's", () => {
    const seen: Request[] = [];
    const del = (request: Request) => void seen.push(request);
    call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del }, edge: { isOwnNetns } });
    call({ ...ATTACHMENT, CNI_COMMAND: "DEL", CNI_NETNS: "/run/netns/b" }, { plugin: { del }, edge: { isOwnNetns } });
    expect(seen.map(({ netns, containerId }) => [netns, containerId])).toEqual([
      ["", "a"],
      ["/run/netns/b", "a"],
    ]);
  });

  test.each(["1", "true", "TRUE", "True"])("CNI_NETNS_OVERRIDE %s lets it pass", (override) => {
    const environment = { ...ATTACHMENT, CNI_COMMAND: "ADD", CNI_NETNS_OVERRIDE: override };
    expect(call(environment, { edge: { isOwnNetns } })).toMatchObject({ exit: 0, verbs: ["ADD"] });
  });

  test.each(["", "0", "false", "yes"])("CNI_NETNS_OVERRIDE %j does not", (override) => {
    const environment = { ...ATTACHMENT, CNI_COMMAND: "ADD", CNI_NETNS_OVERRIDE: override };
    expect(call(environment, { edge: { isOwnNetns } })).toMatchObject({ exit: 1, verbs: [] });
  });

  test("is not looked for where there is no path, nor by CHECK", () => {
    const edge = { isOwnNetns: () => true };
    expect(call({ ...ATTACHMENT, CNI_COMMAND: "DEL", CNI_NETNS: "" }, { edge })).toMatchObject({ verbs: ["DEL"] });
    expect(call({ ...ATTACHMENT, CNI_COMMAND: "CHECK" }, { edge })).toMatchObject({ verbs: ["CHECK"] });
  });

  test("comes after the version", () => {
    const edge = { isOwnNetns: () => true };
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { stdin: '{"name":"a","cniVersion":"9.9.9"}', edge });
    expect(errorOf(answer)).toMatchObject({ code: 1 });
  });
});

describe("servePlugin, errors", () => {
  function fail(error: unknown) {
    const del = (): never => {
      throw error;
    };
    return call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del } });
  }

  test("a CniError leaves as it is, and says nothing on standard error", () => {
    const answer = fail(new CniError(1234, "insufficient <something>", { details: "d" }));
    expect(answer).toMatchObject({
      exit: 1,
      err: "",
      out: '{\n    "code": 1234,\n    "msg": "insufficient \\u003csomething\\u003e",\n    "details": "d"\n}',
    });
  });

  test("a delegate's code 999 is no bug of ours", () => {
    expect(fail(new CniError(999, "no IP addresses available"))).toMatchObject({ exit: 1, err: "" });
  });

  test("a bug leaves as code 999 with its message, its stack on standard error", () => {
    const answer = fail(new TypeError("potato"));
    expect(answer.out).toBe('{\n    "code": 999,\n    "msg": "potato"\n}');
    expect(answer.err).toContain("TypeError: potato\n    at ");
  });

  test("a bug whose stack begins with a function, as in the native image, is logged with its message", () => {
    const bug = Object.assign(new TypeError("potato"), { stack: "    at add (bridge.js)\n    at serve (main.js)\n" });
    expect(fail(bug).err).toBe("TypeError: potato\n    at add (bridge.js)\n    at serve (main.js)\n");
  });

  test("an endless recursion leaves as code 999", () => {
    const recurse = (depth: number): number => recurse(depth + 1) + 1;
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del: () => void recurse(0) } });
    expect(errorOf(answer)).toEqual(failure(999, "Maximum call stack size exceeded"));
  });

  test("thrown text and nothing at all leave as code 999", () => {
    expect(errorOf(fail("banana"))).toEqual(failure(999, "banana"));
    expect(errorOf(fail(undefined))).toEqual(failure(999, "undefined"));
  });

  test("a broken standard output leaves the exit code, and a line on standard error", () => {
    const writeOut = (): never => {
      throw new Error("EPIPE");
    };
    const { exit, err } = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { edge: { writeOut } });
    expect({ exit, err }).toEqual({ exit: 1, err: "error writing to stdout: EPIPE\n" });
  });

  test("a broken standard error does not matter to a verb that logs", () => {
    const writeErr = (): never => {
      throw new Error("EPIPE");
    };
    const del = (request: Request): void => request.log("hello");
    expect(call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del }, edge: { writeErr } }).exit).toBe(0);
  });

  test("ADD is taken back where its result cannot be told", () => {
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { stdin: '{"name":"a"}' });
    expect(errorOf(answer)).toEqual(
      failure(
        7,
        "cannot convert: no valid IP addresses",
        "cniVersion 0.1.0 has no result without an address; use 0.3.0 or later",
      ),
    );
    expect(answer.verbs).toEqual(["ADD", "DEL"]);
  });

  test("ADD is taken back where its result cannot be delivered", () => {
    const writeOut = (): never => {
      throw new Error("broken pipe");
    };
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { edge: { writeOut } });
    expect(answer).toMatchObject({
      exit: 1,
      err: "error writing to stdout: broken pipe\n",
      verbs: ["ADD", "DEL"],
    });
  });

  test("ADD is taken back by undo, where the plugin has one, which is given the result", () => {
    const undone: unknown[] = [];
    const undo = ({ command }: Request, result: Result) => void undone.push([command, result]);
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { stdin: '{"name":"a"}', plugin: { undo } });
    expect(answer).toMatchObject({ exit: 1, verbs: ["ADD"] });
    expect(undone).toEqual([["DEL", EMPTY]]);
  });

  test("ADD that cannot be taken back says so, and fails as it would have", () => {
    const del = (): never => {
      throw new CniError("ioFailure", "no way back");
    };
    const answer = call({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, { stdin: '{"name":"a"}', plugin: { del } });
    expect(errorOf(answer)).toMatchObject({ code: 7, msg: "cannot convert: no valid IP addresses" });
    expect(answer.err).toBe("Cannot roll back ADD: no way back\n");
  });
});

test.each([
  ["CHECK", "ENODEV", 104],
  ["DEL", "ENODEV", 107],
  ["CHECK", "EPERM", 107],
  ["CHECK", "EAGAIN", 11],
])("%s to which the kernel answers %s leaves with code %i, and nothing on standard error", (command, answer, code) => {
  const refused = Object.assign(new Error("Cannot list the addresses"), { errno: 1, syscall: "netlink", code: answer });
  const verb = () => {
    throw refused;
  };
  const outcome = call({ ...ATTACHMENT, CNI_COMMAND: command }, { plugin: { check: verb, del: verb } });
  expect(errorOf(outcome)).toEqual({ code, msg: "Cannot list the addresses" });
  expect(outcome.err).toBe("");
});

test("CHECK that a plugin refuses leaves with the plugin's own code", () => {
  const check = () => {
    throw new CniError("invalidConfig", "Required prevResult missing");
  };
  const outcome = call({ ...ATTACHMENT, CNI_COMMAND: "CHECK" }, { plugin: { check } });
  expect(errorOf(outcome)).toEqual(failure(7, "Required prevResult missing"));
});

describe("servePlugin, what the process gives a call", () => {
  test("the launcher of this image's plugins and the record of locks reach the request, where there are any", () => {
    const seen: Request[] = [];
    const del = (request: Request) => void seen.push(request);
    const given = { launchResident: () => undefined, awaitLock: () => () => {} };
    call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del }, edge: given });
    call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del } });
    expect(seen[0]).toMatchObject(given);
    expect(seen[1]).not.toHaveProperty("launchResident");
    expect(seen[1]).not.toHaveProperty("awaitLock");
  });

  test("a call that is logged reads and writes through its record, which then learns the exit code", () => {
    const codes: number[] = [];
    const written: string[] = [];
    const beginRecord = (plugin: string, edge: Edge) => ({
      edge: { ...edge, writeOut: (text: string) => void written.push(`${plugin}: ${text}`) },
      finish: (code: number) => void codes.push(code),
    });
    const del = (): never => {
      throw new CniError("ioFailure", "no");
    };
    call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { edge: { beginRecord } });
    expect(call({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, { plugin: { del }, edge: { beginRecord } }).out).toBe("");
    expect(codes).toEqual([0, 1]);
    expect(written).toEqual(['bridge: {\n    "code": 5,\n    "msg": "no"\n}']);
  });
});
