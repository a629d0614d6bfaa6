import { expect, test } from "vitest";
import { executablesIn } from "./executables.ts";

test("executablesIn() names what was started, also by calls that overlapped, and nothing that was refused", () => {
  const log = `11 execve("/opt/cni/bin/firewall", ["firewall"], 0x7ffd /* 9 vars */) = 0
12 execve("/usr/sbin/iptables-restore", ["iptables-restore"], 0x7ffd /* 9 vars */ <unfinished ...>
13 execve("/usr/local/sbin/ip6tables-restore", ["ip6tables-restore"], 0x7ffd /* 9 vars */) = -1 ENOENT (No such file or directory)
13 execve("/usr/sbin/ip6tables-restore", ["ip6tables-restore"], 0x7ffd /* 9 vars */ <unfinished ...>
12 <... execve resumed>) = 0
14 execve("/usr/sbin/nft", ["nft"], 0x7ffd /* 9 vars */ <unfinished ...>
13 <... execve resumed>)                   = 0
14 <... execve resumed>) = -1 EACCES (Permission denied)`;
  expect(executablesIn(log)).toEqual(["firewall", "iptables-restore", "ip6tables-restore"]);
});
