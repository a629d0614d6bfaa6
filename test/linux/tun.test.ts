import fs from "node:fs";
import { expect, test } from "vitest";
import { hasTunDevice } from "../../src/linux/tun.ts";

test("hasTunDevice() says whether the host has the device", () => {
  expect(hasTunDevice()).toBe(fs.existsSync("/dev/net/tun"));
});
