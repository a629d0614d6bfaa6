import { describe, expect, it } from "vitest";
import { countInjected, injecting, readFaults } from "./injection.ts";

const LOG = `7     execve("/run/fuzz/bin/bridge", ["/run/fuzz/bin/bridge"], 0x7ffc /* 40 vars */) = 0
7     openat(AT_FDCWD</work>, "/run/netns/c1", O_RDONLY|O_CLOEXEC) = 3</run/netns/c1>
7     close(3</run/netns/c1>)           = 0
7     openat(AT_FDCWD</work>, "/var/lib/cni/a", O_WRONLY|O_CREAT|O_CLOEXEC, 0600) = 3</var/lib/cni/a>
7     close(3</var/lib/cni/a>)          = 0
7     getpid()                          = 7
8     close_range(0, 2, 0)              = 0
8     read(0</memfd:stdin>(deleted), "", 4096) = 0
7     write(1<pipe:[1]>, "{", 1)        = 1
8     close(5<pipe:[2]> <unfinished ...>
8     close(5</etc/passwd>)             = 0
8     close(6</run/cni/dhcp>)           = 0
8     close(6</run/cni/dhcp/x.json>)    = 0
`;

const faults = readFaults(LOG).map(({ syscall, when, error }) => `${syscall} ${when} ${error}`);

describe("readFaults()", () => {
  it("has each call fail with what it can fail with, by its number in its process", () => {
    expect(faults.filter((fault) => fault.startsWith("openat"))).toEqual([
      ...["EIO", "EINTR", "EMFILE", "ENOMEM"].map((error) => `openat 1 ${error}`),
      ...["ENOSPC", "EIO", "EINTR", "EMFILE", "ENOMEM"].map((error) => `openat 2 ${error}`),
    ]);
  });

  it("leaves alone the executable's start, what cannot fail, what another program reads, and closing of anything but files", () => {
    expect(faults.filter((fault) => /^(execve|getpid|close_range|read|close 1) /.test(fault))).toEqual([]);
    expect(faults.filter((fault) => fault.startsWith("close"))).toEqual(
      [2, 4].flatMap((when) => [`close ${when} EIO`, `close ${when} EINTR`]),
    );
  });

  it("knows the answer", () => {
    expect(readFaults(LOG).filter(({ isOutput }) => isOutput)).toHaveLength(3);
  });
});

describe("injecting()", () => {
  it("has strace fail that call alone", () => {
    const options = injecting({ syscall: "read", when: 3, error: "EIO" });
    expect(options).toContain("inject=read:error=EIO:when=3");
    expect(options).toContain("trace=read");
  });
});

describe("countInjected()", () => {
  it("counts the calls that strace had fail, in all processes", () => {
    const line = "read(5<pipe:[1]>, 0x7f, 4096) = -1 EIO (Input/output error) (INJECTED)";
    expect(countInjected(`7     ${line}\n7     read(0, "", 1) = 0\n8     ${line}\n`)).toBe(2);
    expect(countInjected("")).toBe(0);
  });
});
