// What the C library says through the FFI backend of whatever runs this; ffi.test.ts runs it on both runtimes and compares.
import fs from "node:fs";
import { ERRNO } from "../../src/linux/errno.ts";
import { libc, libcProcesses } from "../../src/linux/libc.ts";

const { functions, errno, addressOf } = libc();
const { functions: processes } = libcProcesses();

/** Failing calls of two kinds with garbage made between them: how many gave the wrong errno. */
function wrongErrnos(): number {
  const kept: unknown[] = [];
  let wrong = 0;
  for (let round = 0; round < 20_000; round++) {
    kept[round % 500] = [round, { text: `x${round}` }, new Uint8Array(200)];
    const isOdd = round % 2 === 1;
    const result = isOdd ? processes.kill(999_999_999, 0) : functions.sendto(fd, new Uint8Array(16), 16, 0, null, 0);
    if (result !== -1 || errno() !== (isOdd ? ERRNO.ESRCH : ERRNO.ENOTSOCK)) wrong++;
  }
  return wrong;
}

/** What C writes into views of every kind: small, part of a larger one, large. */
function written(): readonly number[] {
  const views = [new Uint8Array(8), new Uint8Array(1000).subarray(500, 508), new Uint8Array(100_000)];
  return views.map((view) => {
    const status = processes.pipe2(view, 0);
    const [read, write] = new Int32Array(view.slice(0, 8).buffer);
    if (status !== 0 || read === undefined || write === undefined) return -1;
    fs.closeSync(write);
    fs.closeSync(read);
    return write - read;
  });
}

const fd = fs.openSync("/dev/null", "r");
const block = new Uint8Array(new ArrayBuffer(64));
const before = addressOf(block);
const facts = {
  wrongErrnos: wrongErrnos(),
  written: written(),
  isStable: before === addressOf(block),
  isOffset: addressOf(block.subarray(8)) - addressOf(block) === 8n,
};
fs.writeSync(1, JSON.stringify(facts));
