import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { receiveAll } from "../../src/linux/receive-all.ts";
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

const receive = () => receiveAll(datagrams.receiver, 2).map(({ bytes }) => Buffer.from(bytes).toString());

test("receiveAll() takes all that have arrived, in their order, and waits for no more", () => {
  expect(receive()).toEqual([]);
  for (const text of ["one", "two"]) datagrams.send(Buffer.from(text));
  expect(receive()).toEqual(["one", "two"]);
  expect(receive()).toEqual([]);
});

test("receiveAll() leaves out one of more than 4096 bytes, and goes on behind it", () => {
  for (const length of [4096, 4097, 1]) datagrams.send(Buffer.alloc(length, "x"));
  expect(receive().map(({ length }) => length)).toEqual([4096, 1]);
});

test("receiveAll() is not held by a sender without an end: it takes 64 at a time", () => {
  vi.spyOn(libc().functions, "recvfrom").mockReturnValue(3);
  expect(receive()).toHaveLength(64);
});

test("receiveAll() throws what the kernel says of no socket", () => {
  expect(() => receiveAll(-1, 2)).toThrow(expect.objectContaining({ code: "EBADF" }));
});
