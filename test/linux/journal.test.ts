import { expect, test } from "vitest";
import { encodeEntry, sendToJournal } from "../../src/linux/journal.ts";
import { ERRNO } from "../../src/platform/errno.ts";

test("encodeEntry() writes a line for each field, and the length of a value of several lines", () => {
  const text = Buffer.from(encodeEntry({ MESSAGE: "é=1", CNI_ERROR_MSG: "a\nb", PRIORITY: "6" }));
  expect(text).toEqual(Buffer.from("MESSAGE=é=1\nCNI_ERROR_MSG\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n"));
});

test("sendToJournal() says so where there is no journal", () => {
  expect(() => sendToJournal({ MESSAGE: "x" }, "/nowhere/socket")).toThrow(
    expect.objectContaining({ errno: ERRNO.ENOENT }),
  );
});
