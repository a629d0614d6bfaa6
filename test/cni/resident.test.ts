import { describe, expect, test } from "vitest";
import type { Edge } from "../../src/cni/edge.ts";
import { CniError } from "../../src/cni/error.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import type { Request } from "../../src/cni/request.ts";
import { serveResident } from "../../src/cni/resident.ts";
import type { Result } from "../../src/cni/result.ts";

const RESULT: Result = { interfaces: [{ name: "eth0" }], ips: [], routes: [], dns: {} };

const ENVIRONMENT = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "a", CNI_NETNS: "/n", CNI_IFNAME: "eth0", CNI_PATH: "/opt" };

/** A plugin served inside a process that has an edge of its own: what it was asked, and what reached that edge. */
function reside(add: (request: Request) => Result) {
  const requests: Request[] = [];
  const written: string[] = [];
  const plugin: Plugin = {
    name: "host-local",
    add: (request) => {
      requests.push(request);
      return add(request);
    },
    check: () => {},
    del: () => {},
  };
  const edge: Edge = {
    environment: { CNI_COMMAND: "DEL", CNI_CONTAINERID: "other" },
    readStdin: () => Buffer.from("the process's own"),
    writeOut: (text) => void written.push(text),
    writeErr: (text) => void written.push(text),
    isOwnNetns: (netns) => netns === "/own",
  };
  const serve = (environment: Record<string, string> = {}) =>
    serveResident(
      { plugin, edge, withHost: (act) => act(undefined) },
      {
        environment: { ...ENVIRONMENT, ...environment },
        stdin: Buffer.from('{"cniVersion":"1.0.0","name":"n"}'),
        deadline: 60_000,
        maxOutput: 1,
      },
    );
  return { serve, requests, written };
}

/** What it printed as JSON, and how it ended. */
function endOf({ wait }: ReturnType<ReturnType<typeof reside>["serve"]>) {
  const { status, signal, stdout, stderr } = wait();
  return { status, signal, stdout: JSON.parse(Buffer.from(stdout).toString()), stderr: Buffer.from(stderr).toString() };
}

describe("serveResident", () => {
  test("serves one call with the input and the environment that it is given, and keeps what is printed", () => {
    const { serve, requests, written } = reside((request) => {
      request.log(`for ${request.containerId}`);
      return RESULT;
    });
    expect(endOf(serve())).toEqual({
      status: 0,
      signal: undefined,
      stdout: { cniVersion: "1.0.0", interfaces: [{ name: "eth0" }] },
      stderr: "for a\n",
    });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ containerId: "a", network: "n", environment: ENVIRONMENT });
    expect(written).toEqual([]);
  });

  test("acts when it is to begin or is waited for, once", () => {
    const { serve, requests } = reside(() => RESULT);
    const child = serve();
    expect(requests).toHaveLength(0);
    child.begin();
    child.begin();
    expect(requests).toHaveLength(1);
    child.wait();
    expect(requests).toHaveLength(1);
  });

  test("abandoned before it is to begin, never acts", () => {
    const { serve, requests } = reside(() => RESULT);
    serve().abandon();
    expect(requests).toHaveLength(0);
  });

  test("what it throws is its error object, and an exit code: nothing reaches its caller", () => {
    const refused = reside(() => {
      throw new CniError("noAddressAvailable", "no more", { details: "in net" });
    });
    expect(endOf(refused.serve())).toMatchObject({ status: 1, stdout: { msg: "no more", details: "in net" } });
    const broken = reside(() => {
      throw new TypeError("a bug");
    });
    const { status, stdout, stderr } = endOf(broken.serve());
    expect({ status, msg: stdout.msg }).toEqual({ status: 1, msg: "a bug" });
    expect(stderr).toMatch(/^TypeError: a bug\n/);
  });

  test("refuses what its process would refuse", () => {
    expect(endOf(reside(() => RESULT).serve({ CNI_NETNS: "/own" }))).toMatchObject({ status: 1, stdout: { code: 8 } });
    expect(endOf(reside(() => RESULT).serve({ CNI_IFNAME: "" }))).toMatchObject({ status: 1, stdout: { code: 4 } });
  });
});
