import { expect, test } from "vitest";
import { selectName } from "../../src/cni/image.ts";

const NAMES = ["bridge", "cnictl", "host-local", "local"];

test.each([
  ["/opt/cni/bin/bridge", "bridge"],
  ["./host-local", "host-local"],
  ["buildkit-cni-bridge", "bridge"],
  ["/usr/libexec/cni/my-host-local", "host-local"],
  ["/opt/cni/bin/bridge.real", "bridge"],
  ["my-host-local.v2.0.0", "host-local"],
])("selectName: %s is %s", (path, name) => {
  expect(selectName(path, NAMES)).toBe(name);
});

test.each(["", "/", "sh", "mybridge", "local-bridge2", ".bridge", "sh.bridge"])(
  "selectName: %j is no name, nor is a part of a word",
  (path) => {
    expect(selectName(path, NAMES)).toBeUndefined();
  },
);
