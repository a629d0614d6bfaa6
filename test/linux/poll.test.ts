import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { poll } from "../../src/linux/poll.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";
import { type Datagrams, openDatagrams } from "./datagrams.ts";

let datagrams: Datagrams;

beforeEach(() => {
  datagrams = openDatagrams();
});

afterEach(() => {
  vi.restoreAllMocks();
  datagrams.close();
});

test("poll() tells of each descriptor whether it can be read; -1 never can", () => {
  const { receiver, sender, send } = datagrams;
  expect(poll([-1, receiver, sender], 0)).toEqual([false, false, false]);
  send(Buffer.from("x"));
  expect(poll([-1, receiver, sender], 10_000)).toEqual([false, true, false]);
});

test.each([
  [-5, 0],
  [0.2, 1],
  [20, 20],
])(
  "poll(): a time of %d ms is one of %i for the kernel, for which less than 0 is for ever",
  (timeout, milliseconds) => {
    const asked = vi.spyOn(libc().functions, "poll").mockReturnValue(0);
    expect(poll([3], timeout)).toEqual([false]);
    expect(asked).toHaveBeenCalledExactlyOnceWith(expect.any(Uint8Array), 1, milliseconds);
  },
);

test("poll() takes a signal for nothing to read, and throws any other refusal", () => {
  const { receiver, send } = datagrams;
  send(Buffer.from("x"));
  vi.spyOn(libc().functions, "poll").mockImplementation((pollfds) => {
    pollfds?.fill(0xff);
    return -1;
  });
  vi.spyOn(libc(), "errno").mockReturnValue(4);
  expect(poll([receiver], 0)).toEqual([false]);
  vi.spyOn(libc(), "errno").mockReturnValue(12);
  expect(() => poll([receiver], 0)).toThrow(new LinuxError("wait for descriptors", { syscall: "poll", errno: 12 }));
});
