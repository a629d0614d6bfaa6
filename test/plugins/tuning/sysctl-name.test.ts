import { describe, expect, it } from "vitest";
import { parseSysctlName, readSysctls } from "../../../plugins/tuning/sysctl-name.ts";
import { refusal } from "../host-local/refusal.ts";

describe("parseSysctlName()", () => {
  it.each([
    ["net.core.somaxconn", "net/core/somaxconn"],
    ["net/core/somaxconn", "net/core/somaxconn"],
    ["/net/core/somaxconn", "net/core/somaxconn"],
    ["net..core.somaxconn", "net/core/somaxconn"],
    ["net.ipv4.conf.IFNAME.arp_filter", "net/ipv4/conf/eth0.100/arp_filter"],
    ["net/ipv4/conf/IFNAME/arp_filter", "net/ipv4/conf/eth0.100/arp_filter"],
    ["net.ipv4.conf.eth0/100.arp_filter", "net/ipv4/conf/eth0.100/arp_filter"],
    ["net/ipv4/conf/eth0.100/arp_filter", "net/ipv4/conf/eth0.100/arp_filter"],
    ["net.ipv4.IFNAME.IFNAME", "net/ipv4/eth0.100/IFNAME"],
  ])("%s is %s", (key, path) => {
    expect(parseSysctlName(key, "eth0.100")).toBe(path);
  });

  it("takes an interface's name as it is", () => {
    expect(parseSysctlName("net.ipv4.conf.IFNAME.arp_filter", "$&$1")).toBe("net/ipv4/conf/$&$1/arp_filter");
  });

  it.each([
    ["kernel.hostname", "must be a parameter below net"],
    ["net", "must be a parameter below net"],
    ["net.", "must be a parameter below net"],
    ["", "must be a parameter below net"],
    ["network.x", "must be a parameter below net"],
    ["../net/x", "must be a parameter below net"],
    ["/proc/sys/net/x", "must be a parameter below net"],
    ["IFNAME.core.x", "must be a parameter below net"],
    ["net/../kernel/hostname", '".." is no part of a parameter\'s name'],
    ["net/./x", '"." is no part of a parameter\'s name'],
    ["net/ipv4/..", '".." is no part of a parameter\'s name'],
    ["net.//.kernel.hostname", '".." is no part of a parameter\'s name'],
    ["net./.x", '"." is no part of a parameter\'s name'],
    ["net/a\0b", '"a\\u0000b" is no part of a parameter\'s name'],
    ["net/a b", '"a b" is no part of a parameter\'s name'],
    ["net/a\n", '"a\\n" is no part of a parameter\'s name'],
  ])("refuses %j", (key, reason) => {
    const message = `Cannot use sysctl ${JSON.stringify(key)}: ${reason}`;
    expect(refusal(() => parseSysctlName(key, "eth0"))).toEqual({ code: 7, message });
  });
});

describe("readSysctls()", () => {
  it("takes a later map's value, whatever its way to write the name", () => {
    const own = { "net.core.somaxconn": "1", "net.ipv4.ip_forward": "0" };
    expect(readSysctls([own, { "net/core/somaxconn": "2" }], "eth0")).toEqual([
      { key: "net/core/somaxconn", path: "net/core/somaxconn", value: "2" },
      { key: "net.ipv4.ip_forward", path: "net/ipv4/ip_forward", value: "0" },
    ]);
    expect(readSysctls([undefined, undefined], "eth0")).toEqual([]);
  });

  it("refuses two names of one parameter in a map", () => {
    const map = { "net.ipv4.conf.eth0.arp_filter": "1", "net/ipv4/conf/IFNAME/arp_filter": "0" };
    expect(refusal(() => readSysctls([map], "eth0"))).toEqual({
      code: 7,
      message:
        'Cannot use sysctl "net/ipv4/conf/IFNAME/arp_filter": it is duplicated: "net.ipv4.conf.eth0.arp_filter" means the same',
    });
  });
});
