import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { config, hostLocal, temporaryFolder } from "./host-local.ts";
import { reboot } from "./stage.ts";

describe("STATUS", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const full = { ipam: { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.9.0.0/30", exclude: ["10.9.0.3"] }]] } };

  test("succeeds while each set has a free address, and makes no folder", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("STATUS", config("1.1.0", dataDir, full))).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });

  test("fails with code 50 and the counts once a set is full, as does ADD", () => {
    const input = config("1.1.0", temporaryFolder(), full);
    expect(hostLocal("ADD", input).status).toBe(0);
    expect(hostLocal("STATUS", input)).toMatchObject({
      status: 1,
      json: {
        code: 50,
        msg: "no free address in range set 1 (10.9.0.1-10.9.0.2): 1 leased, 0 of them reclaimable, 0 resting, 0 excluded",
        details: "delete containers, add ranges to the set, or release orphans, which `cnictl leases` lists",
      },
    });
    expect(hostLocal("ADD", input, { containerId: "other" }).json.code).toBe(100);
  });

  test("succeeds, and says so, where an address can be reclaimed", () => {
    const input = config("1.1.0", temporaryFolder(), full);
    reboot("aaaa", Date.now() - 60_000);
    expect(hostLocal("ADD", input).status).toBe(0);
    reboot("bbbb", Date.now());
    expect(hostLocal("STATUS", input)).toMatchObject({
      status: 0,
      stdout: "",
      stderr:
        "no free address in range set 1 (10.9.0.1-10.9.0.2): 1 leased, 1 of them reclaimable, 0 resting, 0 excluded\n",
    });
    expect(hostLocal("ADD", input, { containerId: "other" }).status).toBe(0);
  });

  test.each([
    [
      "accessSync",
      "EROFS",
      "read-only file system",
      "mount it writable, or, while no container runs, set ipam.dataDir to a writable folder",
    ],
    ["statfsSync", "ENOSPC", "no space left on device", "free some space or inodes on that file system"],
  ] as const)("fails where %s shows that nothing can be written", (call, code, found, details) => {
    const dataDir = temporaryFolder();
    fs.mkdirSync(path.join(dataDir, "mynet"));
    vi.spyOn(fs, call).mockImplementation(() => {
      throw Object.assign(new Error(code), { code });
    });
    expect(hostLocal("STATUS", config("1.1.0", dataDir, full))).toMatchObject({
      status: 1,
      json: { code: 50, msg: `Cannot write in the folder of leases "${dataDir}/mynet": ${found}`, details },
    });
  });

  test("fails where the file system has no inode left, unless it counts none", () => {
    const dataDir = temporaryFolder();
    const { statfsSync } = fs;
    const space = (files: number) => {
      const counts = Object.assign(statfsSync("/"), { type: 0, bfree: 9, files, ffree: 0 });
      vi.spyOn(fs, "statfsSync").mockImplementation(() => counts);
      return hostLocal("STATUS", config("1.1.0", dataDir, full));
    };
    expect(space(60)).toMatchObject({
      status: 1,
      json: { code: 50, details: "free some space or inodes on that file system" },
    });
    expect(space(0)).toMatchObject({ status: 0 });
  });

  test("fails where the file system is full", () => {
    const counts = Object.assign(fs.statfsSync("/"), { type: 0, bfree: 0, files: 60, ffree: 5 });
    vi.spyOn(fs, "statfsSync").mockImplementation(() => counts);
    expect(hostLocal("STATUS", config("1.1.0", temporaryFolder(), full))).toMatchObject({
      status: 1,
      json: { code: 50, details: "free some space or inodes on that file system" },
    });
  });

  test.each(["W_OK", "X_OK"] as const)("fails where the folder gives this process no %s", (lacking) => {
    vi.spyOn(fs, "accessSync").mockImplementation((_, mode = 0) => {
      if ((mode & fs.constants[lacking]) !== 0) throw Object.assign(new Error("refused"), { code: "EACCES" });
    });
    expect(hostLocal("STATUS", config("1.1.0", temporaryFolder(), full)).json).toMatchObject({
      code: 50,
      msg: expect.stringContaining("permission denied"),
    });
  });

  test.each([
    ["a link to nothing", "nowhere", "a file is in its place", "move away the file"],
    ["a link to itself", "link", "too many symbolic links", "mend the link"],
  ])("fails where %s is in the way of the folder", (_, target, found, advice) => {
    const dataDir = path.join(temporaryFolder(), "link");
    fs.symlinkSync(path.join(path.dirname(dataDir), target), dataDir);
    expect(hostLocal("STATUS", config("1.1.0", dataDir, full)).json).toMatchObject({
      code: 50,
      msg: `Cannot write in the folder of leases "${dataDir}/mynet": ${found}`,
      details: `set ipam.dataDir to a folder, or ${advice} that is in its place`,
    });
  });

  test("fails where a file is in the way of the folder", () => {
    const dataDir = path.join(temporaryFolder(), "file");
    fs.writeFileSync(dataDir, "");
    expect(hostLocal("STATUS", config("1.1.0", dataDir, full)).json).toMatchObject({
      code: 50,
      msg: `Cannot write in the folder of leases "${dataDir}/mynet": not a directory`,
    });
  });

  test("refuses a configuration that ADD would refuse", () => {
    expect(hostLocal("STATUS", config("1.1.0", temporaryFolder(), {})).json.code).toBe(7);
  });

  test("counts what rests in the set alone, and a released address that is leased again once", () => {
    const ranges = [[{ subnet: "10.9.0.0/30" }], [{ subnet: "10.1.2.0/24" }]];
    const input = config("1.1.0", temporaryFolder(), { ipam: { ranges, releaseDelay: 60 } });
    for (const command of ["ADD", "DEL"]) expect(hostLocal(command, input).status).toBe(0);
    const found = "no free address in range set 0 (10.9.0.1-10.9.0.2)";
    expect(hostLocal("STATUS", input).stderr).toBe(
      `${found}: 0 leased, 0 of them reclaimable, 1 resting, 0 excluded\n`,
    );
    expect(hostLocal("ADD", input, { args: "IP=10.9.0.2" }).status).toBe(0);
    expect(hostLocal("STATUS", input).json.msg).toBe(
      `${found}: 1 leased, 0 of them reclaimable, 0 resting, 0 excluded`,
    );
  });

  test("succeeds where as many addresses can be reclaimed as rest", () => {
    const input = config("1.1.0", temporaryFolder(), {
      ipam: { subnet: "10.9.0.0/30", gateway: "10.9.0.3", releaseDelay: 60 },
    });
    reboot("aaaa", Date.now() - 60_000);
    for (const containerId of ["c1", "c2"]) expect(hostLocal("ADD", input, { containerId }).status).toBe(0);
    expect(hostLocal("DEL", input, { containerId: "c2" }).status).toBe(0);
    reboot("bbbb", Date.now());
    expect(hostLocal("STATUS", input)).toMatchObject({
      status: 0,
      stderr:
        "no free address in range set 0 (10.9.0.1-10.9.0.2): 1 leased, 1 of them reclaimable, 1 resting, 0 excluded\n",
    });
  });
});
