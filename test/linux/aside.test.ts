import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { holdAside, sendAside } from "../../src/linux/aside.ts";
import { poll } from "../../src/linux/poll.ts";
import { receiveAll } from "../../src/linux/receive-all.ts";
import { libcAio } from "../../src/platform/libc.ts";
import { type Datagrams, openDatagrams } from "./datagrams.ts";

// Node.js has none of the image's own C functions: there is no process of its own for the bytes.

let datagrams: Datagrams;

beforeEach(() => {
  datagrams = openDatagrams();
});

afterEach(() => {
  vi.restoreAllMocks();
  datagrams.close();
});

test("sendAside() has a thread send the bytes, which does not outlive this process", () => {
  const bytes = new TextEncoder().encode("a request");
  const aside = sendAside(datagrams.sender, bytes);
  // They are the caller's again at once.
  bytes.fill(0);
  expect(poll([datagrams.receiver], 1_000)).toEqual([true]);
  expect(receiveAll(datagrams.receiver, 2).map(({ bytes: sent }) => Buffer.from(sent).toString())).toEqual([
    "a request",
  ]);
  expect([aside?.outlives, aside?.hasEnded()]).toEqual([false, false]);
  aside?.release();
});

test("sendAside() sends nothing and says so where there is no thread", () => {
  vi.spyOn(libcAio().functions, "aio_write").mockReturnValue(-1);
  expect(sendAside(datagrams.sender, new Uint8Array(1))).toBeUndefined();
});

test("holdAside() does without a process of its own", () => {
  expect(() => holdAside(datagrams.sender, 1)).not.toThrow();
});
