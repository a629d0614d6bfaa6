import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const ECHO = join(import.meta.dirname, "fixtures/echo.ts");

const ATTACHMENT = { CNI_CONTAINERID: "a", CNI_NETNS: "/nowhere", CNI_IFNAME: "eth0", CNI_PATH: "/opt" };

function run(environment: Readonly<Record<string, string>>, input: string | Uint8Array = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ECHO], { env: environment, input });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe("runPlugin", () => {
  test("prints the result and exits with 0", () => {
    const stdin = '{"cniVersion":"1.0.0","name":"n"}';
    expect(run({ ...ATTACHMENT, CNI_COMMAND: "ADD" }, stdin)).toEqual({
      status: 0,
      stdout:
        '{\n    "cniVersion": "1.0.0",\n    "interfaces": [\n        {\n            "name": "eth0"\n        }\n    ]\n}',
      stderr: "ADD of 33 bytes\n",
    });
  });

  test("prints the error and exits with 1", () => {
    expect(run({ CNI_COMMAND: "GC" })).toEqual({
      status: 1,
      stdout: '{\n    "code": 4,\n    "msg": "required env variables [CNI_PATH] missing"\n}',
      stderr: "",
    });
  });

  test("introduces itself whatever its arguments are", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [ECHO, "--version"], { env: {} });
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 0, stdout: "" });
    expect(stderr.toString()).toMatch(/^CNI echo plugin v[0-9]+\.[0-9]+\.[0-9]+/);
  });

  test("reads 10 MB from a pipe", () => {
    const stdin = `{"name":"n","x":"${"x".repeat(10 << 20)}"}`;
    expect(run({ ...ATTACHMENT, CNI_COMMAND: "DEL" }, stdin)).toEqual({
      status: 0,
      stdout: "",
      stderr: `DEL of ${stdin.length} bytes\n`,
    });
  });

  test("reads standard input to its end, in however many pieces it comes", () => {
    const script = `(printf '{"name":'; sleep 0.2; printf '"n"}') | ${process.execPath} ${ECHO}`;
    const env = { ...ATTACHMENT, CNI_COMMAND: "DEL", PATH: "/usr/bin:/bin" };
    const { status, stderr } = spawnSync("/bin/sh", ["-c", script], { env });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "DEL of 12 bytes\n" });
  });

  test("reports a standard input that cannot be read with code 5", () => {
    const directory = openSync("/", "r");
    const env = { ...ATTACHMENT, CNI_COMMAND: "DEL" };
    const { status, stdout } = spawnSync(process.execPath, [ECHO], { env, stdio: [directory, "pipe", "pipe"] });
    closeSync(directory);
    expect(status).toBe(1);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      code: 5,
      msg: expect.stringMatching(/^error reading from stdin: EISDIR/),
    });
  });

  test("exits with 1 and says why where nobody reads its standard output", async () => {
    const child = spawn("/bin/sh", ["-c", `sleep 0.2; exec ${process.execPath} ${ECHO}`], {
      env: { CNI_COMMAND: "VERSION", PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error writing to stdout: EPIPE.*\n$/);
  });

  test("refuses its own network namespace with one document, under any of its names", () => {
    for (const netns of ["/proc/self/ns/net", `/proc/${process.pid}/ns/net`]) {
      const environment = { ...ATTACHMENT, CNI_COMMAND: "ADD", CNI_NETNS: netns };
      const { status, stdout, stderr } = run(environment, '{"cniVersion":"1.0.0","name":"n"}');
      expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
      expect(JSON.parse(stdout)).toEqual({
        code: 8,
        msg: "plugin's netns and netns from CNI_NETNS should not be the same",
      });
    }
  });

  test("does not take a file that is no namespace for its own", () => {
    for (const netns of ["/", "/etc/passwd", "/nowhere", "a\tb"]) {
      const environment = { ...ATTACHMENT, CNI_COMMAND: "ADD", CNI_NETNS: netns };
      expect(run(environment, '{"cniVersion":"1.0.0","name":"n"}').status).toBe(0);
    }
  });
});
