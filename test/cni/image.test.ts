import { expect, test } from "vitest";
import { selectName } from "../../src/cni/image.ts";

const NAMES = ["bridge", "cnictl", "host-local", "local"];

test.each([
  ["/opt/cni/bin/bridge", "bridge"],
  ["./host-local", "host-local"],
  ["buildkit-cni-bridge", "bridge"],
  ["/usr/libexec/cni/my-host-local", "host-local"],
])("selectName: %s is %s", (argv0, name) => {
  expect(selectName(argv0, "/opt/cni/bin/cnictl", NAMES)).toBe(name);
});

test("selectName: where argv[0] says nothing, the executable's own name decides", () => {
  expect(selectName("", "/opt/cni/bin/bridge", NAMES)).toBe("bridge");
  expect(selectName("sh", "/proc/123/root/host-local", NAMES)).toBe("host-local");
});

test("selectName: no name at all is undefined, also where a name is only part of a word", () => {
  expect(selectName("mybridge", "/usr/bin/thing", NAMES)).toBeUndefined();
});
