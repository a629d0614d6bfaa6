import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, type Outcome } from "../lab.ts";
import { DhcpLab } from "./dhcp.ts";
import { failing } from "./failing.ts";
import { errorOf } from "./traces.ts";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

let dhcp: DhcpLab;
let netns: string;

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
});

afterEach(() => dhcp.dispose());

function call(command: string, { type = "bridge", wrapper = [] as readonly string[] } = {}): Outcome {
  return dhcp.lab.plugin(type, { command, config: { ...dhcp.network(), type, master: "lan0" }, netns, wrapper });
}

describe("ADD", () => {
  it.each(["bridge", "macvlan"])("of %s gives back a lease that it cannot write down", async (type) => {
    await dhcp.startServer();
    const wrapper = failing("rename", "EIO");
    expect(errorOf(call("ADD", { type, wrapper }))).toMatchObject({ code: 103 });
    expect(dhcp.received().at(-1)).toMatchObject({ type: "RELEASE", from: "10.9.0.7", to: "10.9.0.1" });
    expect(dhcp.lab.ip("link show", netns)).toHaveLength(1);
  });

  it("fails where it cannot read the boot's ID: the lease would be of no boot, and nobody would renew it", async () => {
    await dhcp.startServer();
    const wrapper = failing("openat", "EIO", { file: BOOT_ID });
    expect(errorOf(call("ADD", { wrapper }))).toMatchObject({ msg: expect.stringContaining("boot_id") });
    expect(dhcp.files()).toEqual([]);
    expect(dhcp.lab.ip("link show", netns)).toHaveLength(1);
  });
});

describe("with a lease", () => {
  beforeEach(async () => {
    await dhcp.startServer();
    expect(call("ADD")).toMatchObject({ status: 0 });
  });

  it("DEL deletes its file although the folder cannot be looked at", () => {
    const wrapper = failing("statx,stat,newfstatat", "EIO", { file: dhcp.folder });
    expect(call("DEL", { wrapper })).toMatchObject({ status: 0 });
    expect(dhcp.files()).toEqual([]);
  });

  it("CHECK does not take it for over, nor `dhcp renew` for one of an earlier boot, where the boot's ID cannot be read", () => {
    const wrapper = failing("openat", "EMFILE", { file: BOOT_ID });
    expect(errorOf(call("CHECK", { wrapper }))).toMatchObject({ msg: expect.not.stringContaining("is over") });
    const renew = [path.join(binDir, "dhcp"), "renew", "-socketpath", dhcp.socket];
    expect(dhcp.lab.try([...wrapper, ...renew])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("boot_id"),
    });
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json"]);
    expect(dhcp.lab.try(renew)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});
