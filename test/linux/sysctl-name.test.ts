import { expect, test } from "vitest";
import { nameOf, setting } from "../../src/linux/sysctl-name.ts";

test("nameOf() is a name that sysctl(8) knows, also if the name of a link has a dot", () => {
  expect(nameOf("net/ipv4/ip_forward")).toBe("net.ipv4.ip_forward");
  expect(nameOf("net/ipv4/conf/eth0.5/forwarding")).toBe("net/ipv4/conf/eth0.5/forwarding");
});

test("setting() is the command that sets a parameter", () => {
  expect(setting("net/ipv4/conf/eth0/forwarding", "1")).toBe("sysctl -w net.ipv4.conf.eth0.forwarding=1");
});
