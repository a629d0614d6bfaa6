import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNetns, withNetns } from "../../src/linux/netns.ts";
import { sysctls } from "../../src/linux/sysctl.ts";
import { Namespaces } from "./namespaces.ts";

const namespaces = new Namespaces();
const own = () => fs.readlinkSync("/proc/thread-self/ns/net");
const home = own();
let netns: string;

beforeAll(() => {
  netns = namespaces.add("a");
});

afterAll(() => namespaces.dispose());

describe("withNetns()", () => {
  test("runs inside the namespace of a path, and comes back", () => {
    const inode = fs.statSync(netns).ino;

    expect(withNetns(netns, own)).toBe(`net:[${inode}]`);
    expect(own()).toBe(home);
  });

  test("runs inside the namespace of a descriptor, and leaves it open", () => {
    const fd = openNetns(netns);

    expect(withNetns(fd, own)).not.toBe(home);
    expect(fs.fstatSync(fd).ino).toBe(fs.statSync(netns).ino);
    fs.closeSync(fd);
  });

  test("comes back when the function throws, and passes the error on", () => {
    const fail = () => {
      throw new Error("inside");
    };

    expect(() => withNetns(netns, fail)).toThrow(new Error("inside"));
    expect(own()).toBe(home);
  });

  test("can be used inside itself", () => {
    const inner = namespaces.add("inner");

    const seen = withNetns(netns, () => [withNetns(inner, own), own()]);

    expect(seen).toEqual([inner, netns].map((path) => `net:[${fs.statSync(path).ino}]`));
    expect(own()).toBe(home);
  });

  test("does not run for a path that is no namespace", () => {
    expect(() => withNetns("/etc/passwd", () => expect.fail("it ran"))).toThrow(
      'Cannot open netns "/etc/passwd": not a',
    );
  });

  test("leaves no descriptor open, whatever happens", () => {
    const count = () => fs.readdirSync("/proc/self/fd").length;
    const before = count();

    for (let round = 0; round < 100; round++) {
      withNetns(netns, own);
      expect(() => withNetns("/etc/passwd", own)).toThrow();
    }

    expect(count()).toBe(before);
  });

  test("ends the process when there is no way back", () => {
    // Closes every descriptor of a namespace, with it the one for the way back.
    const program = `
      import fs from "node:fs";
      import { withNetns } from "./src/linux/netns.ts";
      try {
        withNetns("${netns}", () => {
          for (const fd of fs.readdirSync("/proc/self/fd")) {
            try { if (fs.readlinkSync("/proc/self/fd/" + fd).startsWith("net:")) fs.closeSync(Number(fd)); } catch {}
          }
        });
      } catch {} finally { console.log("went on"); }`;

    const { signal, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
    });

    expect({ signal, stdout }).toEqual({ signal: "SIGABRT", stdout: "" });
    expect(stderr).toContain("Cannot leave the network namespace: setns failed with errno 9\n");
  });
});

describe("sysctls.write()", () => {
  test("writes in the namespace that the caller is in, and in no other", () => {
    const path = "net/ipv4/conf/lo/arp_notify";
    const other = namespaces.add("b");

    withNetns(netns, () => sysctls.write(path, "1"));

    expect(withNetns(netns, () => sysctls.read(path))).toBe("1");
    expect(withNetns(other, () => sysctls.read(path))).toBe("0");
  });
});
