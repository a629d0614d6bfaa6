import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "../../src/linux/process.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "process-"));
let files = 0;

/** An executable of its own for each test. */
function script(body: string): string {
  const file = path.join(folder, `child-${files++}`);
  fs.writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return file;
}

const generous = {
  environment: { PATH: "/usr/bin:/bin" },
  stdin: new Uint8Array(),
  deadline: 10_000,
  maxOutput: 1 << 20,
};

/** Runs a script and returns what came of it, as text. */
function run(body: string, options: Partial<typeof generous> = {}) {
  const { stdout, stderr, ...end } = launch(script(body), { ...generous, ...options }).wait();
  return { ...end, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
}

function awaitFile(file: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(file)) Atomics.wait(clock, 0, 0, 2);
}

const children = () => fs.readFileSync("/proc/thread-self/children", "utf8").trim().split(" ");

let open: number;
beforeAll(async () => {
  run("true");
  // Node.js keeps a descriptor of /dev/null from the first pipe on, in each thread: test:mutants runs this in one.
  await once(spawn("true"), "close");
  open = fs.readdirSync("/proc/self/fd").length;
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

describe("launch()", () => {
  test("gives the child its input, and returns its two streams and its status", () => {
    expect(run("cat; echo problem >&2; exit 3", { stdin: Buffer.from("input") })).toEqual({
      status: 3,
      signal: undefined,
      stdout: "input",
      stderr: "problem\n",
    });
  });

  test("hands over any amount of input", () => {
    expect(run("wc -c", { stdin: new Uint8Array(10_000_000) }).stdout).toBe("10000000\n");
  });

  test("reads more output than a pipe holds, on both streams", () => {
    const { stdout, stderr } = run("head -c 900000 /dev/zero; head -c 900000 /dev/zero >&2");

    expect([stdout.length, stderr.length]).toEqual([900_000, 900_000]);
  });

  test("gives the child the environment, and no other", () => {
    const { stdout } = launch("/usr/bin/env", { ...generous, environment: { CNI_COMMAND: "ADD", EMPTY: "" } }).wait();

    expect(Buffer.from(stdout).toString()).toBe("CNI_COMMAND=ADD\nEMPTY=\n");
  });

  test("starts the child with its own path as argv[0] and without arguments", () => {
    expect(run("tr '\\0' ' ' </proc/$$/cmdline").stdout).toBe(`/bin/sh ${path.join(folder, `child-${files - 1}`)} `);
  });

  test("gives the child its arguments, each as it is", () => {
    const args = ["-w", "30", "", "two words", '"quoted" $HOME *'];
    const { stdout } = launch(script('printf "<%s>" "$@"'), { ...generous, args }).wait();
    expect(Buffer.from(stdout).toString()).toBe('<-w><30><><two words><"quoted" $HOME *>');
  });

  test("leaves nothing of ours open in the child", () => {
    const inherited = spawnSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).stdout;

    expect(run("exec ls /proc/self/fd").stdout).toBe(inherited);
  });

  test("starts the child with default signals, none of them blocked", () => {
    const { stdout } = run("exec grep -E 'Sig(Blk|Ign)' /proc/self/status");

    expect(stdout).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });

  test("tells which signal ended the child", () => {
    expect(run("kill -9 $$")).toMatchObject({ status: undefined, signal: 9 });
  });

  test("runs the child while the caller goes on", () => {
    const mark = path.join(folder, "mark");
    const child = launch(script(`touch ${mark}`), generous);

    awaitFile(mark);

    expect(child.wait().status).toBe(0);
  });

  test("does not wait for a grandchild that keeps the streams open", () => {
    const begin = performance.now();

    expect(run("sleep 5 & echo done").stdout).toBe("done\n");
    expect(performance.now() - begin).toBeLessThan(3_000);
  });

  test("waits for a child that has closed its streams", () => {
    expect(run("exec >&- 2>&-; sleep 0.2; exit 4").status).toBe(4);
  });

  test("keeps the input back until the child is waited for", () => {
    const mark = path.join(folder, "begun");
    const child = launch(script(`touch ${mark}; exec cat`), { ...generous, stdin: Buffer.from("held"), held: true });
    awaitFile(mark);

    expect(Buffer.from(child.wait().stdout).toString()).toBe("held");
  });

  test("does not mind a child that ends without reading the input that was kept back", () => {
    const child = launch(script("exit 7"), { ...generous, stdin: new Uint8Array(65_536), held: true });

    expect(child.wait().status).toBe(7);
  });
});

describe("begin()", () => {
  test("gives the child the input that was kept back, once, while the caller goes on", () => {
    const mark = path.join(folder, "fed");
    const child = launch(script(`cat; touch ${mark}`), { ...generous, stdin: Buffer.from("held"), held: true });

    child.begin();
    child.begin();
    awaitFile(mark);

    expect(Buffer.from(child.wait().stdout).toString()).toBe("held");
  });
});

describe("abandon()", () => {
  test("kills the child before it was told anything", () => {
    const mark = path.join(folder, "told");
    const child = launch(script(`read line; touch ${mark}`), { ...generous, stdin: Buffer.from("x\n"), held: true });

    child.abandon();

    expect(fs.existsSync(mark)).toBe(false);
  });
});

describe("launch() refuses", () => {
  test.each([
    ["ENOENT", "/nonexistent/plugin", "No such file or directory"],
    ["EACCES", "/etc/passwd", "Permission denied"],
    ["EACCES", "/", "Permission denied"],
  ])("what cannot be run: %s for %s", (code, file, text) => {
    expect(() => launch(file, generous)).toThrow(
      expect.objectContaining({ code, message: `Cannot start "${file}": ${text}` }),
    );
  });

  test("ETXTBSY for what somebody is writing", async () => {
    const file = script("true");
    const mark = path.join(folder, "writing");
    const writer = spawn("sh", ["-c", `exec 3>>${file}; touch ${mark}; read line`], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    awaitFile(mark);

    expect(() => launch(file, generous)).toThrow(
      expect.objectContaining({ code: "ETXTBSY", message: `Cannot start "${file}": Text file busy` }),
    );
    writer.stdin.end();
    await once(writer, "exit");
  });

  test("ENOEXEC for what is no program", () => {
    const file = path.join(folder, "nonsense");
    fs.writeFileSync(file, "nonsense", { mode: 0o755 });

    expect(() => launch(file, generous)).toThrow(
      expect.objectContaining({ code: "ENOEXEC", message: `Cannot start "${file}": Exec format error` }),
    );
  });
});

describe("wait()", () => {
  test("kills a child that does not end in time", () => {
    const file = script("echo $$; exec sleep 60");
    const begin = performance.now();

    expect(() => launch(file, { ...generous, deadline: 200 }).wait()).toThrow(
      expect.objectContaining({
        code: "ETIMEDOUT",
        message: `Cannot run "${file}": it did not end within 200 ms and was killed`,
      }),
    );
    expect(performance.now() - begin).toBeLessThan(2_000);
  });

  test.each([
    ["stdout", "exec yes"],
    ["stderr", "exec yes >&2"],
  ])("kills a child that prints too much to %s", (stream, body) => {
    const file = script(body);

    expect(() => launch(file, { ...generous, maxOutput: 100_000 }).wait()).toThrow(
      expect.objectContaining({
        code: "EFBIG",
        message: `Cannot run "${file}": it printed more than 100000 bytes to its ${stream} and was killed`,
      }),
    );
  });

  test("knows how a child ended even if whoever started us ignores SIGCHLD", () => {
    const program = `
      import { launch } from "./src/linux/process.ts";
      const child = launch("/bin/false", { environment: {}, stdin: new Uint8Array(), deadline: 10_000, maxOutput: 100 });
      console.log(child.wait().status);`;
    const argv = ["-c", `trap "" CHLD; exec "$0" "$@"`, process.execPath, "--input-type=module", "--eval", program];

    expect(spawnSync("sh", argv, { encoding: "utf8" })).toMatchObject({ stdout: "1\n", stderr: "" });
  });

  test("takes exactly as much as is allowed", () => {
    expect(run("printf 12345", { maxOutput: 5 }).stdout).toBe("12345");
  });

  test("has left no descriptor open and no child behind, whatever happened", () => {
    expect(fs.readdirSync("/proc/self/fd").length).toBe(open);
    expect(children()).toEqual([""]);
  });
});
