import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startChild } from "../../src/linux/child.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { libc, libcProcesses } from "../../src/platform/libc.ts";

// What comes of a child whatever it does is in process.test.ts. Here the kernel has no room, no pidfd, or no child.

const PATH = "/bin/sh";
let before: readonly string[];

const descriptors = () => fs.readdirSync("/proc/self/fd");

/** Descriptors that were not there before the test. */
const left = () => descriptors().filter((fd) => !before.includes(fd)).length;

beforeEach(() => {
  startChild(PATH, options("true")).wait();
  before = descriptors();
});

afterEach(() => void vi.restoreAllMocks());

function options(script: string, more: { held?: boolean; stdin?: string } = {}) {
  const { held = false, stdin = "" } = more;
  return {
    args: ["-c", script],
    environment: {},
    stdin: new TextEncoder().encode(stdin),
    held,
    deadline: 10_000,
    maxOutput: 1000,
  };
}

/** Has a function of the C library refuse. */
function refuse(name: "pipe2" | "memfd_create" | "waitpid" | "syscall", errno: number) {
  vi.spyOn(libcProcesses(), "errno").mockReturnValue(errno);
  return vi.spyOn(libcProcesses().functions, name).mockReturnValue(-1);
}

describe("startChild()", () => {
  test("throws where there is no room for a file or a pipe, and leaves nothing open", () => {
    refuse("memfd_create", ERRNO.ENOMEM);
    expect(() => startChild(PATH, options("true"))).toThrow(
      new LinuxError("make a file in memory", { syscall: "memfd_create", errno: ERRNO.ENOMEM }),
    );
    vi.restoreAllMocks();
    refuse("pipe2", ERRNO.EMFILE);
    for (const held of [false, true])
      expect(() => startChild(PATH, options("true", { held }))).toThrow(
        new LinuxError("make a pipe", { syscall: "pipe2", errno: ERRNO.EMFILE }),
      );
    expect(left()).toBe(0);
  });

  test("throws where the second pipe has no room, or the input none, and closes what was opened", () => {
    const { pipe2 } = libcProcesses().functions;
    vi.spyOn(libcProcesses().functions, "pipe2").mockImplementationOnce(pipe2).mockReturnValue(-1);
    expect(() => startChild(PATH, options("true"))).toThrow("Cannot make a pipe");
    vi.restoreAllMocks();
    const failure = Object.assign(new Error("full"), { errno: -ERRNO.ENOSPC });
    vi.spyOn(fs, "writeSync").mockImplementation(() => {
      throw failure;
    });
    expect(() => startChild(PATH, options("true", { stdin: "x" }))).toThrow(failure);
    expect(left()).toBe(0);
  });

  test("says what could not be started, and closes what was opened", () => {
    expect(() => startChild("/nonexistent", options("true"))).toThrow(
      new LinuxError('start "/nonexistent"', { syscall: "posix_spawn", errno: ERRNO.ENOENT }),
    );
    expect(left()).toBe(0);
  });

  test("starts nothing where a part of the preparation fails: the child would read our own input", () => {
    vi.spyOn(libcProcesses().functions, "posix_spawn_file_actions_adddup2").mockReturnValue(ERRNO.ENOMEM);
    const spawn = vi.spyOn(libcProcesses().functions, "posix_spawn");
    expect(() => startChild(PATH, options("true"))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(spawn).not.toHaveBeenCalled();
  });

  test("frees what the C library made for it", () => {
    const { functions } = libcProcesses();
    const freed = [
      vi.spyOn(functions, "posix_spawn_file_actions_destroy"),
      vi.spyOn(functions, "posix_spawnattr_destroy"),
    ];
    startChild(PATH, options("true")).wait();
    expect(freed.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  test("gives the child a further descriptor as its 3", () => {
    const fd = fs.openSync("/dev/null", "r");
    const child = startChild(PATH, { ...options("readlink /proc/self/fd/3"), inherited: fd });
    expect(new TextDecoder().decode(child.wait().stdout)).toBe("/dev/null\n");
    fs.closeSync(fd);
  });

  test("lets the kernel keep its exit status, if whoever started us has it dropped", () => {
    // SIG_IGN, and the signal SIGCHLD
    const ask = vi.spyOn(libcProcesses().functions, "sigaction").mockImplementation((_signal, _new, old) => {
      old?.set([1]);
      return 0;
    });
    startChild(PATH, options("true")).wait();
    expect(ask.mock.calls.map(([signal, action]) => [signal, action?.every((byte) => byte === 0) ?? null])).toEqual([
      [17, null],
      [17, true],
    ]);
    ask.mockReturnValue(0).mockClear();
    vi.restoreAllMocks();
    const real = vi.spyOn(libcProcesses().functions, "sigaction");
    startChild(PATH, options("true")).wait();
    expect(real.mock.calls).toHaveLength(1);
  });
});

describe("wait()", () => {
  test("does without a pidfd, which the kernel has since Linux 5.3", () => {
    refuse("syscall", ERRNO.ENOSYS);
    const child = startChild(PATH, options("echo said; exit 3"));
    const { status, stdout } = child.wait();
    expect([status, new TextDecoder().decode(stdout)]).toEqual([3, "said\n"]);
    expect(left()).toBe(0);
  });

  test("throws where there is no child, and kills no other process for it", () => {
    const child = startChild(PATH, options("exit 0"));
    const kill = vi.spyOn(libcProcesses().functions, "kill").mockReturnValue(0);
    refuse("waitpid", ERRNO.ECHILD);
    expect(child.wait).toThrow(new LinuxError(`wait for "${PATH}"`, { syscall: "waitpid", errno: ERRNO.ECHILD }));
    expect(kill).not.toHaveBeenCalled();
    expect(left()).toBe(0);
    vi.restoreAllMocks();
  });

  test("kills a child that it cannot wait for, and closes its streams", () => {
    const child = startChild(PATH, options("exec sleep 60"));
    const kill = vi.spyOn(libcProcesses().functions, "kill");
    vi.spyOn(libc().functions, "poll").mockReturnValueOnce(-1);
    vi.spyOn(libc(), "errno").mockReturnValueOnce(ERRNO.ENOMEM);
    expect(child.wait).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    // SIGKILL
    expect(kill.mock.calls.map(([, signal]) => signal)).toEqual([9]);
    expect(left()).toBe(0);
  });

  test("throws what else goes wrong with the input, and kills the child", () => {
    const child = startChild(PATH, options("exec sleep 60", { held: true, stdin: "x" }));
    const failure = Object.assign(new Error("broken"), { errno: -ERRNO.EIO });
    vi.spyOn(fs, "writeSync").mockImplementationOnce(() => {
      throw failure;
    });
    expect(child.wait).toThrow(failure);
    expect(left()).toBe(0);
  });

  test("has all of the output and the status of a child that closes one stream before the other", () => {
    const { status, stdout, stderr } = startChild(PATH, options("exec >&-; echo late >&2; exit 5")).wait();
    expect([status, stdout.length, new TextDecoder().decode(stderr)]).toEqual([5, 0, "late\n"]);
  });
});

test("abandon() kills the child, waits until it is gone, and leaves nothing open", () => {
  const child = startChild(PATH, options("exec sleep 60", { held: true, stdin: "x" }));
  const kill = vi.spyOn(libcProcesses().functions, "kill");
  const wait = vi.spyOn(libcProcesses().functions, "waitpid");
  child.abandon();
  expect(kill.mock.calls.map(([, signal]) => signal)).toEqual([9]);
  expect(wait.mock.results.at(-1)?.value).toBe(kill.mock.calls[0]?.[0]);
  expect(left()).toBe(0);
});
