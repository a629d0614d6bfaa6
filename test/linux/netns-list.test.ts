import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eachContainerNamespace, listNamespaces, listOtherNamespaces } from "../../src/linux/netns-list.ts";
import { FakeTree } from "./fake-tree.ts";

test("listOtherNamespaces() has each namespace once, and not its own", () => {
  const identify = (path: string) => {
    const { dev, ino } = fs.statSync(path);
    return `${dev} ${ino}`;
  };
  const found = listOtherNamespaces()
    .filter((path) => fs.existsSync(path))
    .map(identify);
  expect(new Set(found).size).toBe(found.length);
  expect(found).not.toContain(identify("/proc/self/ns/net"));
});

describe("a machine", () => {
  let proc: FakeTree;

  beforeEach(() => {
    proc = new FakeTree("/proc");
  });

  afterEach(() => {
    vi.restoreAllMocks();
    proc.delete();
  });

  /** A process with one thread in a network namespace, and with a mount namespace of its own. */
  function addProcess(pid: string, netns: string, mounts = ""): void {
    proc.link(`/proc/${pid}/task/${pid}/ns/net`, `net:[${netns}]`);
    proc.link(`/proc/${pid}/ns/mnt`, `mnt:[${pid}]`);
    proc.file(`/proc/${pid}/mountinfo`, mounts);
    proc.folder(`/proc/${pid}/fd`);
  }

  /** A line of mountinfo. proc_pid_mountinfo(5) */
  const mount = (netns: string, point: string) => `40 30 0:4 net:[${netns}] ${point} rw shared:1 - nsfs nsfs rw\n`;

  test("has namespaces of threads, of open files and of mounts, each by the first path that opens it", () => {
    addProcess(
      "1",
      "10",
      `22 1 0:5 / /sys rw - sysfs sysfs rw\n${mount("20", "/run/netns/a\\040b")}${mount("10", "/x")}`,
    );
    proc.link("/proc/1/task/2/ns/net", "net:[11]");
    proc.link("/proc/1/fd/0", "/dev/null");
    proc.link("/proc/1/fd/3", "net:[30]");
    addProcess("7", "10");
    proc.file("/proc/uptime", "1 1");
    proc.folder("/proc/7x");
    const { paths, inhabited, isComplete } = listNamespaces();
    expect([...inhabited.keys()]).toEqual(["10", "11"]);
    expect([...paths]).toEqual([
      ["10", "/proc/1/task/1/ns/net"],
      ["11", "/proc/1/task/2/ns/net"],
      ["30", "/proc/1/fd/3"],
      ["20", "/proc/1/root/run/netns/a b"],
    ]);
    expect(isComplete).toBe(true);
  });

  test("has a namespace as inhabited by the thread's path, though a mount of it was seen before", () => {
    addProcess("1", "10", mount("20", "/run/netns/a"));
    addProcess("7", "20");
    const { paths, inhabited } = listNamespaces();
    expect([paths.get("20"), inhabited.get("20")]).toEqual(["/proc/1/root/run/netns/a", "/proc/7/task/7/ns/net"]);
  });

  test("reads the mounts of each mount namespace once", () => {
    addProcess("1", "10", mount("20", "/run/netns/a"));
    addProcess("7", "11", mount("21", "/run/netns/b"));
    addProcess("8", "12");
    proc.file("/proc/8/mountinfo", mount("22", "/run/netns/c"));
    expect([...listNamespaces().paths.keys()]).toEqual(["10", "20", "11", "21", "12", "22"]);
  });

  test("does not read the mounts of a process in a mount namespace that was read", () => {
    addProcess("1", "10", mount("20", "/run/netns/a"));
    proc.link("/proc/7/ns/mnt", "mnt:[1]");
    proc.link("/proc/7/task/7/ns/net", "net:[11]");
    proc.folder("/proc/7/fd");
    // There are none: to read them would fail.
    proc.broken.set("/proc/7/mountinfo", 5);
    const { paths, isComplete } = listNamespaces();
    expect([[...paths.keys()], isComplete]).toEqual([["10", "20", "11"], true]);
  });

  test("knows a namespace that was unmounted while a file of it is open, by its file system", () => {
    addProcess("1", "10");
    proc.file("/proc/self/ns/net", "");
    // Where it was mounted is gone; the second one is a folder of another file system.
    proc.link("/proc/1/fd/3", "../../self/ns/");
    proc.link("/proc/1/fd/4", "/proc/");
    const { ino } = fs.statSync("/proc/self/ns");
    expect([...listNamespaces().paths]).toEqual([
      ["10", "/proc/1/task/1/ns/net"],
      [String(ino), "/proc/1/fd/3"],
    ]);
  });

  test.each([
    ["ENOENT, for it has ended", "7", 2, true],
    ["ESRCH, for it has ended", "7", 3, true],
    ["EINVAL, for it is ending", "7", 22, true],
    ["EACCES", "7", 13, false],
    ["EACCES, of init", "1", 13, true],
  ])("is complete unless a process cannot be examined: %s", (_, pid, errno, isComplete) => {
    addProcess("1", "10");
    addProcess("7", "11");
    proc.broken.set(`/proc/${pid}/fd`, errno);
    const found = listNamespaces();
    expect([found.isComplete, [...found.paths.keys()]]).toEqual([isComplete, ["10", "11"]]);
  });

  test("has mounted namespaces first for eachContainerNamespace(), then those of processes, and none of a thread or an open file", () => {
    addProcess("self", "10", `${mount("20", "/run/netns/a")}${mount("10", "/own")}`);
    addProcess("1", "10", mount("20", "/run/netns/a"));
    proc.link("/proc/1/ns/net", "net:[11]");
    proc.link("/proc/1/task/2/ns/net", "net:[12]");
    proc.link("/proc/1/fd/3", "net:[13]");
    // Its mounts cannot be read, but the next process sees the same.
    proc.link("/proc/7/ns/net", "net:[20]");
    proc.link("/proc/7/ns/mnt", "mnt:[77]");
    proc.broken.set("/proc/7/mountinfo", 2);
    proc.link("/proc/8/ns/net", "net:[14]");
    proc.link("/proc/8/ns/mnt", "mnt:[77]");
    proc.file("/proc/8/mountinfo", mount("21", "/b"));
    proc.link("/proc/9/ns/mnt", "mnt:[77]");
    proc.broken.set("/proc/9/ns/net", 13);
    proc.broken.set("/proc/9/mountinfo", 5);
    expect([...eachContainerNamespace()]).toEqual([
      "/proc/self/root/run/netns/a",
      "/proc/self/root/own",
      "/proc/1/ns/net",
      "/proc/8/ns/net",
      "/proc/8/root/b",
    ]);
  });

  test("has other namespaces than the own one for listOtherNamespaces(), which leaves nothing open", () => {
    const fds = () => fs.readdirSync(`/dev/fd/`).length;
    const before = fds();
    const fd = fs.openSync("/proc/thread-self/ns/net", "r");
    const own = String(fs.fstatSync(fd).ino);
    fs.closeSync(fd);
    addProcess("1", own);
    addProcess("7", "20");
    expect(listOtherNamespaces()).toEqual(["/proc/7/task/7/ns/net"]);
    expect(fds()).toBe(before);
  });

  test("takes no name that only looks like a process or a namespace", () => {
    addProcess("10", "100");
    addProcess("x10", "101");
    addProcess("10x", "102");
    proc.link("/proc/10/fd/3", "/tmp/net:[30]");
    proc.link("/proc/10/fd/4", "net:[40] (deleted)");
    expect([...listNamespaces().paths.keys()]).toEqual(["100"]);
  });

  test("passes over a file that was closed since, and goes on", () => {
    addProcess("1", "10");
    proc.link("/proc/1/fd/3", "net:[30]");
    proc.link("/proc/1/fd/4", "net:[40]");
    proc.broken.set("/proc/1/fd/3", 2);
    expect([...listNamespaces().paths.keys()]).toEqual(["10", "40"]);
  });

  test("has none without /proc, and is not complete then", () => {
    expect(listNamespaces()).toEqual({ paths: new Map(), inhabited: new Map(), isComplete: false });
  });
});
