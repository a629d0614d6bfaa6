import { expect, it } from "vitest";
import { parseBridgeConfig, readRemoval } from "../../../plugins/bridge/config.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function requestFor(bridge: string) {
  const json = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge, removeEmptyBridge: true };
  return addRequest(json);
}

it("a bridge's name with NUL, at which the kernel ends it, is refused, and DEL removes no other's bridge for it", () => {
  const message = 'Cannot use bridge "b\\u0000r": interface name contains NUL';
  expect(refusal(() => parseBridgeConfig(requestFor("b\0r")))).toEqual({ code: 7, message });
  expect(readRemoval(requestFor("b\0r")).isAskedFor).toBe(false);
  expect(readRemoval(requestFor("br")).isAskedFor).toBe(true);
});
