import fs from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  decodeChains,
  findInLegacy,
  hasLegacyTable,
  readLegacyTable,
} from "../../../src/netfilter/iptables/legacy-table.ts";
import { ERRNO } from "../../../src/platform/errno.ts";

/** Options of getsockopt(2) that read a table. <linux/netfilter_ipv4/ip_tables.h> */
const IPT = { SO_GET_INFO: 64, SO_GET_ENTRIES: 65 };

/** The kernel: its list of tables, the table that it has, and what it was asked. */
const kernel = vi.hoisted(() => ({
  names: "" as string | Error,
  info: new Uint8Array(),
  entries: new Uint8Array(),
  /** The error numbers of the next questions for the entries. */
  refusals: [] as number[],
  /** The error number of each question for the info. */
  infoRefusal: 0,
  asked: [] as string[],
  closed: [] as number[],
}));

vi.mock("#fs", () => ({
  default: {
    readFileSync: (file: string) => {
      kernel.asked.push(file);
      if (kernel.names instanceof Error) throw kernel.names;
      return kernel.names;
    },
  },
}));
vi.mock("../../../src/linux/discard.ts", () => ({ discard: (fd: number) => void kernel.closed.push(fd) }));
vi.mock("../../../src/linux/socket.ts", async (original) => ({
  ...(await original<object>()),
  openSocket: (domain: number, type: number, protocol: number) => {
    kernel.asked.push(`open ${domain} ${type} ${protocol}`);
    return 7;
  },
  getSocketOption: (fd: number, { level, name, value }: { level: number; name: number; value: Uint8Array }) => {
    const table = new TextDecoder().decode(value.subarray(0, value.indexOf(0)));
    kernel.asked.push(`${name === IPT.SO_GET_INFO ? "info" : "entries"} of ${table}, ${level} ${value.length}`);
    if (fd !== 7) return ERRNO.EBADF;
    const isInfo = name === IPT.SO_GET_INFO;
    const refusal = isInfo ? kernel.infoRefusal : (kernel.refusals.shift() ?? 0);
    if (refusal !== 0) return refusal;
    if (isInfo) value.set(kernel.info.subarray(32), 32);
    else {
      if (new DataView(value.buffer).getUint32(32, true) !== kernel.entries.length - 40) return ERRNO.EAGAIN;
      value.set(kernel.entries.subarray(40), 40);
    }
    return 0;
  },
}));

/** What the kernel told of a table that iptables-legacy had made. */
function captured(word: string): Uint8Array {
  const file = path.join(import.meta.dirname, "../../captures/iptables/iptables-filter.hex");
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return Uint8Array.fromHex(lines.find((each) => each.startsWith(`${word} `))?.slice(word.length + 1) ?? "");
}

const [info, entries] = [captured("INFO"), captured("ENTRIES")];

beforeEach(() =>
  Object.assign(kernel, { names: "filter\nnat\n", info, entries, refusals: [], infoRefusal: 0, asked: [], closed: [] }),
);

const failure = (code: string, errno: number) => Object.assign(new Error(code), { code, errno: -errno });

describe("hasLegacyTable()", () => {
  test("reads each family's list of tables, and only that", () => {
    expect([hasLegacyTable(4, "nat"), hasLegacyTable(6, "na"), hasLegacyTable(4, "raw")]).toEqual([true, false, false]);
    const [names4, names6] = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];
    expect(kernel.asked).toEqual([names4, names6, names4]);
  });

  test("says no on a kernel without iptables-legacy, and throws any other error", () => {
    kernel.names = failure("ENOENT", ERRNO.ENOENT);
    expect(hasLegacyTable(4, "nat")).toBe(false);
    kernel.names = failure("EIO", ERRNO.EIO);
    expect(() => hasLegacyTable(4, "nat")).toThrow("EIO");
  });

  test.each(["EACCES", "EPERM"] as const)("asks for the table where the list cannot be read: %s", (code) => {
    kernel.names = failure(code, ERRNO[code]);
    expect(hasLegacyTable(6, "nat")).toBe(true);
    expect(kernel.asked.slice(1)).toEqual(["open 10 2 0", "info of nat, 41 84"]);
    expect(kernel.closed).toEqual([7]);
    for (const refusal of ["ENOENT", "ENOPROTOOPT", "EPERM"] as const) {
      kernel.infoRefusal = ERRNO[refusal];
      expect(hasLegacyTable(4, "nat")).toBe(false);
    }
    kernel.infoRefusal = ERRNO.ENOMEM;
    expect(() => hasLegacyTable(4, "nat")).toThrow("Cannot allocate memory");
  });
});

describe("readLegacyTable()", () => {
  test("copies a table, and closes its socket", () => {
    const found = readLegacyTable(4, "filter");
    expect(found).toEqual({ chains: decodeChains(info), entries: entries.subarray(40) });
    expect([...(found?.chains.keys() ?? [])]).toEqual(["INPUT", "FORWARD", "OUTPUT"]);
    expect(found?.chains.get("INPUT")).toEqual({ start: 0 });
    expect(kernel.asked.slice(1)).toEqual([
      "open 2 2 0",
      "info of filter, 0 84",
      `entries of filter, 0 ${entries.length}`,
    ]);
    expect(kernel.closed).toEqual([7]);
  });

  test("reads the other family's with its own numbers, and none that is not there", () => {
    readLegacyTable(6, "filter");
    expect(kernel.asked.slice(1, 3)).toEqual(["open 10 2 0", "info of filter, 41 84"]);
    expect(readLegacyTable(4, "raw")).toBeUndefined();
  });

  test("begins anew when the table's size has changed, 20 times", () => {
    kernel.refusals = Array.from({ length: 19 }, () => ERRNO.EAGAIN);
    expect(readLegacyTable(4, "filter")?.entries).toHaveLength(entries.length - 40);
    kernel.refusals = Array.from({ length: 20 }, () => ERRNO.EAGAIN);
    expect(() => readLegacyTable(4, "filter")).toThrow("Cannot read a table of iptables-legacy");
    expect(kernel.closed).toEqual([7, 7]);
  });

  test("throws another refusal at once", () => {
    kernel.refusals = [ERRNO.EPERM];
    expect(() => readLegacyTable(4, "filter")).toThrow("Cannot read a table of iptables-legacy");
    expect(kernel.asked.filter((each) => each.startsWith("entries"))).toHaveLength(1);
  });
});

test("findInLegacy() finds the texts that the table has, and none without a table", () => {
  const texts = ["CNI-FORWARD", "CNI-NOBODY"];
  expect(findInLegacy(4, "filter", texts)).toEqual(["CNI-FORWARD"]);
  expect(findInLegacy(4, "raw", texts)).toEqual([]);
});
