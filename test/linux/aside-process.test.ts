import { beforeEach, expect, test, vi } from "vitest";
import { holdAside, sendAside } from "../../src/linux/aside.ts";

// As in the image, which has C functions of its own, and on a machine without librt.
const functions = vi.hoisted(() => ({ send_aside: vi.fn(), hold_aside: vi.fn(), has_ended_aside: vi.fn() }));
vi.mock("../../src/platform/libc.ts", () => ({
  native: () => ({ functions }),
  libcAio: () => {
    throw new Error("there is no librt");
  },
}));

const bytes = Uint8Array.of(1, 2, 3);

beforeEach(() => void vi.resetAllMocks());

test("sendAside() has a process send the bytes, which outlives this one and holds a descriptor", () => {
  functions.send_aside.mockReturnValue(1);
  expect(sendAside(7, bytes, 9)?.outlives).toBe(true);
  sendAside(7, bytes);
  expect(functions.send_aside.mock.calls).toEqual([
    [7, bytes, 3, 9],
    [7, bytes, 3, -1],
  ]);
});

test("hasEnded() asks after that process until it has ended, and never again: its number may be another's then", () => {
  functions.send_aside.mockReturnValue(4711);
  functions.has_ended_aside.mockReturnValueOnce(0).mockReturnValueOnce(1).mockReturnValue(0);
  const aside = sendAside(7, bytes);
  expect([aside?.hasEnded(), aside?.hasEnded(), aside?.hasEnded()]).toEqual([false, true, true]);
  aside?.release();
  expect(functions.has_ended_aside.mock.calls).toEqual([[4711], [4711]]);
});

test("release() reaps the process if it has ended", () => {
  functions.send_aside.mockReturnValue(4711);
  functions.has_ended_aside.mockReturnValue(1);
  sendAside(7, bytes)?.release();
  expect(functions.has_ended_aside.mock.calls).toEqual([[4711]]);
});

test("sendAside() is undefined where there is neither a process nor a thread", () => {
  functions.send_aside.mockReturnValue(-1);
  expect(sendAside(7, bytes)).toBeUndefined();
});

test("holdAside() keeps a descriptor open for a time", () => {
  holdAside(7, 250);
  expect(functions.hold_aside.mock.calls).toEqual([[7, 250]]);
});
