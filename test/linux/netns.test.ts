import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openNetns, openOwnNetns, withNetns } from "../../src/linux/netns.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

afterEach(() => void vi.restoreAllMocks());

const count = () => fs.readdirSync("/proc/self/fd").length;

test("openNetns() opens a network namespace", () => {
  const fd = openNetns("/proc/self/ns/net");

  expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(fs.readlinkSync("/proc/self/ns/net"));
  fs.closeSync(fd);
});

test.each([
  ["ENOENT", "/nonexistent/netns", 'Cannot open netns "/nonexistent/netns": No such file or directory'],
  ["ENOTDIR", "/proc/self/status/x", 'Cannot open netns "/proc/self/status/x": Not a directory'],
  ["ENOENT", "", 'Cannot open netns "": No such file or directory'],
])("openNetns() throws %s for %s", (code, netns, message) => {
  expect(() => openNetns(netns)).toThrow(expect.objectContaining({ code, message }));
});

test("openNetns() throws EINVAL for a file that is no namespace, and leaves nothing open", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "netns-"));
  const file = path.join(folder, "plain");
  fs.writeFileSync(file, "");
  const before = count();

  expect(() => openNetns(file)).toThrow(
    expect.objectContaining({
      code: "EINVAL",
      message: expect.stringMatching(
        /^Cannot open netns ".*\/plain": not a network namespace \(file system type 0x\w+\)$/,
      ),
    }),
  );
  expect(count()).toBe(before);
  fs.rmSync(folder, { recursive: true });
});

describe("openNetns() with a path that another process decides on", () => {
  test("opens a namespace", () => {
    const fd = openNetns(`/proc/${process.pid}/root/proc/${process.pid}/ns/net`);
    expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(fs.readlinkSync("/proc/self/ns/net"));
    fs.closeSync(fd);
  });

  test("opens nothing else: the kernel refuses with ENXIO to open a socket, but not to look at it", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "netns-"));
    const socket = path.join(folder, "socket");
    const server = net.createServer().listen(socket);
    await once(server, "listening");
    const before = count();
    expect(() => openNetns(socket)).toThrow(expect.objectContaining({ code: "ENXIO" }));
    expect(() => openNetns(`/proc/${process.pid}/root${socket}`)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(count()).toBe(before);
    server.close();
    fs.rmSync(folder, { recursive: true });
  });
});

test.each([
  ["of Linux before 3.19", 0x9fa0, "opens"],
  ["of another file system", 0x01021994, "refuses"],
])("openNetns() knows a namespace by its file system: one %s", (_, magic, answer) => {
  vi.spyOn(libc().functions, "fstatfs").mockImplementation((_fd, statfs) => {
    statfs?.set(new Uint8Array(Uint32Array.of(magic).buffer));
    return 0;
  });
  const before = count();
  if (answer === "opens") fs.closeSync(openNetns("/proc/self/status"));
  else expect(() => openNetns("/proc/self/ns/net")).toThrow("file system type 0x1021994)");
  expect(count()).toBe(before);
});

test("openNetns() throws the kernel's refusal to tell the file system, and closes what it opened", () => {
  vi.spyOn(libc().functions, "fstatfs").mockReturnValue(-1);
  vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.ENOMEM);
  const before = count();
  expect(() => openNetns("/proc/self/ns/net")).toThrow(
    new LinuxError('open netns "/proc/self/ns/net"', { syscall: "fstatfs", errno: ERRNO.ENOMEM }),
  );
  expect(count()).toBe(before);
});

describe("openOwnNetns()", () => {
  /** Has the path of the own namespace fail so. */
  function without(error: Error): void {
    const { openSync } = fs;
    vi.spyOn(fs, "openSync").mockImplementation((path, ...rest) => {
      if (path === "/proc/thread-self/ns/net") throw error;
      return Reflect.apply(openSync, fs, [path, ...rest]);
    });
  }

  const failure = (errno: number) => Object.assign(new Error("no"), { errno: -errno });

  test("opens it by a socket without /proc, and closes the socket", () => {
    without(failure(ERRNO.ENOENT));
    const before = count();
    const fd = openOwnNetns();
    expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(fs.readlinkSync("/proc/self/ns/net"));
    fs.closeSync(fd);
    expect(count()).toBe(before);
  });

  test("throws where the kernel does not open it by a socket, which older ones do not", () => {
    without(failure(ERRNO.ENOENT));
    vi.spyOn(libc().functions, "ioctl").mockReturnValue(-1);
    vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.EPERM);
    const before = count();
    const action = 'open netns "/proc/thread-self/ns/net", or by a socket';
    expect(openOwnNetns).toThrow(new LinuxError(action, { syscall: "ioctl", errno: ERRNO.EPERM }));
    expect(count()).toBe(before);
  });

  test("throws any other failure", () => {
    without(failure(ERRNO.EMFILE));
    expect(openOwnNetns).toThrow(
      new LinuxError('open netns "/proc/thread-self/ns/net"', { syscall: "open", errno: ERRNO.EMFILE }),
    );
    vi.restoreAllMocks();
    const bug = new Error("a bug");
    without(bug);
    expect(openOwnNetns).toThrow(bug);
  });
});

describe("withNetns()", () => {
  /** The calls of setns(2), by what is entered, and what it answers, call by call. */
  let entered: string[];
  let answers: number[];
  let before: number;
  const own = fs.readlinkSync("/proc/self/ns/net");

  beforeEach(() => {
    [entered, answers, before] = [[], [], count()];
    vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.EPERM);
    vi.spyOn(libc().functions, "setns").mockImplementation((fd, kind) => {
      entered.push(`${fs.readlinkSync(`/proc/self/fd/${fd}`)} ${kind.toString(16)}`);
      return answers.shift() ?? 0;
    });
  });

  // CLONE_NEWNET
  const [there, back] = ["/proc/self/status 40000000".replace("self", String(process.pid)), `${own} 40000000`];

  test.each([
    ["a path", (run: () => number) => withNetns("/proc/self/ns/net", run), [back, back]],
    [
      "a descriptor",
      (run: () => number) => {
        const fd = fs.openSync("/proc/self/status", "r");
        try {
          return withNetns(fd, run);
        } finally {
          // It is the caller's.
          fs.closeSync(fd);
        }
      },
      [there, back],
    ],
  ])("enters a namespace by %s, returns what the function returns, and comes back", (_, enter, calls) => {
    expect(
      enter(() => {
        expect(entered).toHaveLength(1);
        return 42;
      }),
    ).toBe(42);
    expect([entered, count()]).toEqual([calls, before]);
  });

  test("comes back also where the function throws", () => {
    const failure = new Error("inside");
    const fail = () => {
      throw failure;
    };
    expect(() => withNetns("/proc/self/ns/net", fail)).toThrow(failure);
    expect([entered.length, count()]).toEqual([2, before]);
  });

  test("runs nothing where it may not enter, and names the path", () => {
    answers = [-1];
    const run = vi.fn();
    expect(() => withNetns("/proc/self/ns/net", run)).toThrow(
      new LinuxError(`enter netns "${own}"`, { syscall: "setns", errno: ERRNO.EPERM }),
    );
    expect([run.mock.calls.length, entered.length, count()]).toEqual([0, 1, before]);
  });

  test("names the descriptor where there is no /proc", () => {
    answers = [-1];
    const fd = openNetns("/proc/self/ns/net");
    vi.mocked(libc().functions.setns).mockReturnValue(-1);
    vi.spyOn(fs, "readlinkSync").mockImplementation(() => {
      throw new Error("ENOENT");
    });
    expect(() => withNetns(fd, () => {})).toThrow(`Cannot enter netns "descriptor ${fd}": Operation not permitted`);
    fs.closeSync(fd);
  });

  test("tries ten times to come back, and ends the process if it cannot: nothing may go on elsewhere", () => {
    const said: string[] = [];
    vi.spyOn(fs, "writeSync").mockImplementation((fd: number, text: unknown) => said.push(`${fd} ${text}`));
    const abort = vi.spyOn(libc().functions, "abort").mockReturnValue(0);
    answers = [0, ...Array(9).fill(-1)];
    withNetns("/proc/self/ns/net", () => {});
    expect([entered.length, abort.mock.calls.length]).toEqual([11, 0]);
    answers = [0, ...Array(10).fill(-1)];
    withNetns("/proc/self/ns/net", () => {});
    expect([entered.length, abort.mock.calls.length]).toEqual([22, 1]);
    expect(said).toEqual(["2 Cannot leave the network namespace: setns failed with errno 1\n"]);
  });
});
