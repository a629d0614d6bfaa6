import { expect, it } from "vitest";
import { FlagError, parseFlags } from "../../../plugins/dhcp/flags.ts";

const DEFAULTS = { socketpath: "/run/cni/dhcp.sock", hostprefix: "", pidfile: "" };

it.each([
  [[], {}],
  [["-pidfile", "/run/p", "--hostprefix=/host"], { pidfile: "/run/p", hostprefix: "/host" }],
  [["-socketpath=/a=b", "-broadcast", "-timeout", "1m30s", "-resendmax=62s"], { socketpath: "/a=b" }],
])("parseFlags() reads %j as Go does", (args, expected) => {
  expect(parseFlags(args, DEFAULTS)).toEqual({ ...DEFAULTS, ...expected });
});

it.each([
  [["daemon"], 'unknown argument "daemon"'],
  [["-h"], 'unknown argument "-h"'],
  [["-pidfile"], "flag needs an argument: -pidfile"],
  [["-pidfile", "rel"], 'Error writing pidfile "rel": path not absolute'],
  [["-resendtimeout", "5"], 'invalid value "5" for flag -resendtimeout'],
])("parseFlags() refuses %j", (args, message) => {
  const act = () => parseFlags(args, DEFAULTS);
  expect(act).toThrow(FlagError);
  expect(act).toThrow(message);
});
