import fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { encodeEntry, sendToJournal } from "../../src/linux/journal.ts";
import { receiveAll } from "../../src/linux/receive-all.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { type Datagrams, openDatagrams } from "./datagrams.ts";

let journal: Datagrams | undefined;

afterEach(() => {
  journal?.close();
  journal = undefined;
});

test("encodeEntry() writes a line for each field, and the length of a value of several lines", () => {
  const text = Buffer.from(encodeEntry({ MESSAGE: "é=1", CNI_ERROR_MSG: "a\nb", PRIORITY: "6" }));
  expect(text).toEqual(Buffer.from("MESSAGE=é=1\nCNI_ERROR_MSG\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n"));
});

test("sendToJournal() says so where there is no journal", () => {
  expect(() => sendToJournal({ MESSAGE: "x" }, "/nowhere/socket")).toThrow(
    expect.objectContaining({ errno: ERRNO.ENOENT }),
  );
});

test("sendToJournal() sends an entry as one datagram, and leaves nothing open", () => {
  journal = openDatagrams();
  const before = fs.readdirSync("/proc/self/fd").length;
  sendToJournal({ MESSAGE: "x", PRIORITY: "6" }, journal.name);
  expect(receiveAll(journal.receiver, 2).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
    "MESSAGE=x\nPRIORITY=6\n",
  ]);
  expect(() => sendToJournal({ MESSAGE: "x" }, "/nowhere/socket")).toThrow();
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});
