import { describe, expect, it } from "vitest";
import { formatTrace, parseTrace } from "./trace.ts";

/** Of strace -f -ttt -T -yy on a bridge ADD, shortened. */
const LOG = `
501 1000.000100 execve("/opt/cni/bin/bridge", ["/opt/cni/bin/bridge"], 0x7ffd /* 40 vars */) = 0 <0.000200>
501 1000.004000 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, stack_size=0x7a7c0} => {parent_tid=[502]}, 88) = 502 <0.000030>
502 1000.004100 futex(0x6902e18, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
501 1000.005000 read(0</tmp/in>, "{\\"cniVersion\\":\\"1.1.0\\"}", 65536) = 24 <0.000010>
501 1000.006000 clone3({flags=CLONE_VFORK, exit_signal=SIGCHLD, stack_size=0x9000}, 88 <unfinished ...>
503 1000.006500 execve("/opt/cni/bin/host-local", ["/opt/cni/bin/host-local"], 0x4a32 /* 40 vars */ <unfinished ...>
501 1000.007000 <... clone3 resumed>) = 503 <0.001000>
503 1000.007100 <... execve resumed>) = 0 <0.000600>
501 1000.007200 setns(5</run/netns/blue>, CLONE_NEWNET) = 0 <0.000012>
501 1000.008000 sendto(11<NETLINK:[34974]>, [{nlmsg_len=52, nlmsg_type=0x12 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=1, nlmsg_pid=0}, "\\x00"], 52, 0, NULL, 0) = 52 <0.000300>
501 1000.009000 sendto(8<NETLINK:[NETFILTER:501]>, [[{nlmsg_len=20, nlmsg_type=NFNL_MSG_BATCH_BEGIN}], [{nlmsg_len=112, nlmsg_type=NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWSETELEM}]], 152, 0) = 152 <0.000100>
503 1000.010000 link("/leases/.new-1", "/leases/10.1.0.2") = 0 <0.000017>
503 1000.010500 exit_group(0)   = ?
503 1000.010600 +++ exited with 0 +++
501 1000.012000 --- SIGCHLD {si_signo=SIGCHLD} ---
501 1000.013000 write(1</tmp/out>, "{}", 2) = 2 <0.000020>
501 1000.013500 exit_group(0)   = ?
502 1000.014000 <... futex resumed>) = ?
501 1000.014100 +++ exited with 0 +++
`;

describe("parseTrace", () => {
  it("tells each process from exec to exit, with its threads' calls and not its children's", () => {
    const [bridge, ipam, ...others] = parseTrace(LOG);
    expect(others).toEqual([]);
    expect([bridge?.program, ipam?.program]).toEqual(["/opt/cni/bin/bridge", "/opt/cni/bin/host-local"]);
    expect([bridge?.start, bridge?.end].map((ms) => ms?.toFixed(1))).toEqual(["0.0", "14.0"]);
    expect(bridge?.calls.map(({ name }) => name)).toContain("futex");
    expect(ipam?.calls.map(({ name }) => name)).toEqual(["execve", "link", "exit_group"]);
  });

  it("puts a call together that strace tells on two lines", () => {
    const [, ipam] = parseTrace(LOG);
    expect(ipam?.calls[0]).toMatchObject({ name: "execve", result: "0", ms: 0.6 });
  });

  it("refuses what strace did not write", () => {
    expect(() => parseTrace("hello\n")).toThrow('Cannot read the line "hello": must be of strace -f -ttt -T');
  });
});

describe("formatTrace", () => {
  it("tells what the calls are to somebody who knows networks", () => {
    const text = formatTrace(LOG);
    for (const step of [
      "reads standard input: the runtime has started",
      "starts process 503",
      "enters /run/netns/blue",
      "asks for RTM_GETLINK (0.3 ms)",
      "asks for NFT_MSG_NEWSETELEM (0.1 ms)",
      "link /leases/10.1.0.2",
    ])
      expect(text).toContain(step);
  });
});
