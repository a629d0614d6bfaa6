import { describe, expect, it } from "vitest";
import type { Delegation, DelegationOptions } from "../../src/cni/delegate.ts";
import { CniError } from "../../src/cni/error.ts";
import { DelegateError } from "../../src/cni/exit.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Host } from "../../src/steps/host.ts";
import {
  checkWithIpam,
  chooseDns,
  collectAround,
  collectLeases,
  holdAssignment,
  holdRelease,
  statusWithIpam,
} from "../../src/steps/ipam.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { addRequest } from "../plugins/request.ts";
import { fakeHost } from "./fake-host.ts";

const NOTHING: Result = { interfaces: [], ips: [], routes: [], dns: {} };
const GIVEN: Result = {
  ...NOTHING,
  ips: [{ address: { address: { family: 4, value: 1n }, length: 24 } }],
  dns: { domain: "of.ipam" },
};

/** A host whose IPAM plugin gives `answer`, or fails with `error`; and what has happened, in order. */
function hostWith({ answer = GIVEN, error }: { answer?: Result; error?: Error } = {}) {
  const events: string[] = [];
  const delegate: Host["delegate"] = (_request, { command, type, held = false }: DelegationOptions) => {
    events.push(`${command} of ${type}${held ? " starts" : ""}`);
    let hasBegun = !held;
    const begin = () => {
      if (!hasBegun) events.push(`${command} begins`);
      hasBegun = true;
    };
    const end = () => {
      begin();
      if (error !== undefined && command !== "DEL") throw error;
      events.push(`${command} ends`);
      return answer;
    };
    const delegation: Delegation = {
      begin,
      result: end,
      done: () => void end(),
      abandon: () => {
        if (!hasBegun) events.push(`${command} is dropped`);
        return !hasBegun;
      },
    };
    return delegation;
  };
  return { host: fakeHost({ delegate }), events };
}

function requestFor(type: string | undefined) {
  return addRequest({ cniVersion: "1.1.0", name: "net", ...(type === undefined ? {} : { ipam: { type } }) });
}

describe("holdAssignment()", () => {
  /** An ADD that begins IPAM's unless told not to, reads its answer, and then fails with `failure`. */
  function add(
    { host }: { host: Host },
    { type = "host-local", begins = true, failure }: { type?: string; begins?: boolean; failure?: Error },
  ) {
    return undoOnError(
      () => {},
      (defer) => {
        const ipam = holdAssignment(requestFor(type), host, defer);
        if (begins) ipam?.begin();
        const result = begins ? ipam?.result() : undefined;
        if (failure !== undefined) throw failure;
        return result;
      },
    );
  }

  it("gives what the plugin gives, and owes nothing", () => {
    const world = hostWith();
    expect(add(world, {})).toBe(GIVEN);
    expect(world.events).toEqual(["ADD of host-local starts", "ADD begins", "ADD ends"]);
  });

  it("is nothing where the network has no IPAM plugin", () => {
    const world = hostWith();
    expect(add(world, { type: "" })).toBeUndefined();
    expect(world.events).toEqual([]);
  });

  it.each([
    [{ subnet: "10.1.0.0/16" }, ['"ipam" of network "net1" has no "type": the container gets no addresses']],
    [{ type: "", subnet: "10.1.0.0/16" }, ['"ipam" of network "net1" has no "type": the container gets no addresses']],
    [{ type: "" }, []],
    [{}, []],
    [undefined, []],
    [null, []],
  ])("logs that ipam %j has settings and no type", (ipam, expected) => {
    const lines: string[] = [];
    const request = {
      ...addRequest({ name: "net1", type: "bridge", ipam }),
      log: (line: string) => void lines.push(line),
    };
    expect(holdAssignment(request, hostWith().host, () => {})).toBeUndefined();
    expect(lines).toEqual(expected);
  });

  it("runs the plugin's DEL when the call fails after it began", () => {
    const world = hostWith();
    expect(() => add(world, { failure: new Error("no route") })).toThrow("no route");
    expect(world.events.slice(3)).toEqual(["ADD ends", "DEL of host-local", "DEL ends"]);
  });

  it("drops a plugin that has not begun: it holds nothing", () => {
    const world = hostWith();
    expect(() => add(world, { begins: false, failure: new Error("no bridge") })).toThrow("no bridge");
    expect(world.events).toEqual(["ADD of host-local starts", "ADD is dropped"]);
  });

  it("lets DHCP act when its addresses are waited for, and releases them before what was made earlier is undone", () => {
    const world = hostWith();
    const events = world.events;
    const call = () =>
      undoOnError(
        () => {},
        (defer) => {
          const ipam = holdAssignment(requestFor("dhcp"), world.host, defer);
          defer(() => events.push("the interface is deleted"));
          ipam?.begin();
          events.push("the interface is up");
          ipam?.result();
          throw new Error("no route");
        },
      );
    expect(call).toThrow("no route");
    expect(events).toEqual([
      "ADD of dhcp starts",
      "the interface is up",
      "ADD begins",
      "ADD ends",
      "ADD ends",
      "DEL of dhcp",
      "DEL ends",
      "the interface is deleted",
    ]);
  });

  it.each([
    [true, ["the interface is up", "ADD begins"]],
    [false, ["ADD begins", "the interface is up"]],
  ])("lets static with checkConflict %s act in its turn", (checkConflict, expected) => {
    const { host, events } = hostWith();
    const request = addRequest({ cniVersion: "1.1.0", name: "net", ipam: { type: "static", checkConflict } });
    const ipam = holdAssignment(request, host, () => {});
    ipam?.begin();
    events.push("the interface is up");
    ipam?.result();
    expect(ipam?.usesInterface).toBe(checkConflict);
    expect(events.slice(1, 3)).toEqual(expected);
  });

  it("drops DHCP that has not begun, and runs no DEL for it after a valid CNI error", () => {
    const [dropped, refused] = [hostWith(), hostWith({ error: new DelegateError(11, "no answer") })];
    const act = ({ host }: { host: Host }, asks: boolean) =>
      undoOnError(
        () => {},
        (defer) => {
          const ipam = holdAssignment(requestFor("dhcp"), host, defer);
          ipam?.begin();
          if (asks) ipam?.result();
          throw new Error("no bridge");
        },
      );
    expect(() => act(dropped, false)).toThrow("no bridge");
    expect(() => act(refused, true)).toThrow("no answer");
    expect(dropped.events).toEqual(["ADD of dhcp starts", "ADD is dropped"]);
    expect(refused.events).toEqual(["ADD of dhcp starts", "ADD begins"]);
  });

  it("runs no DEL for a plugin that returned a valid CNI error: it has rolled back its own changes", () => {
    const world = hostWith({ error: new DelegateError(11, "busy") });
    expect(() => add(world, {})).toThrow("busy");
    expect(world.events).not.toContain("DEL of host-local");
  });

  it("runs its DEL where it failed without a valid error", () => {
    const world = hostWith({ error: new CniError("delegateFailed", "killed") });
    expect(() => add(world, {})).toThrow("killed");
    expect(world.events).toContain("DEL of host-local");
  });

  it("refuses an answer without addresses, and gives back what there is", () => {
    const world = hostWith({ answer: NOTHING });
    expect(() => add(world, {})).toThrow("IPAM plugin returned missing IP config");
    expect(world.events).toContain("DEL of host-local");
  });
});

describe("holdRelease()", () => {
  /** A DEL that deletes the interface between the two moments. */
  function del({ host, events }: ReturnType<typeof hostWith>, type: string | undefined, isDeleted = true) {
    const lease = holdRelease(requestFor(type), host);
    lease.beforeInterface();
    events.push("interface is deleted");
    if (isDeleted) lease.afterInterface();
    else lease.keep();
  }

  it("gives addresses back when the interface is gone", () => {
    const world = hostWith();
    del(world, "host-local");
    expect(world.events).toEqual(["DEL of host-local starts", "interface is deleted", "DEL begins", "DEL ends"]);
  });

  it("gives a DHCP lease back while the interface is up", () => {
    const world = hostWith();
    del(world, "dhcp");
    expect(world.events).toEqual(["DEL of dhcp starts", "DEL begins", "DEL ends", "interface is deleted"]);
  });

  it("keeps the addresses of an interface that could not be deleted", () => {
    const world = hostWith();
    del(world, "host-local", false);
    expect(world.events).toEqual(["DEL of host-local starts", "interface is deleted", "DEL is dropped"]);
  });

  it.each([undefined, ""])("does nothing without an IPAM plugin (%j)", (type) => {
    const world = hostWith();
    del(world, type);
    expect(world.events).toEqual(["interface is deleted"]);
  });
});

describe("checkWithIpam()", () => {
  const failing = (message: string) => (): never => {
    throw new CniError("checkFailed", message);
  };

  it("runs both checks, and the plugin's begins when what is compared has been read", () => {
    const { host, events } = hostWith();
    const inspect = () => events.push("inspected");
    checkWithIpam(requestFor("host-local"), host, { inspect, compare: () => events.push("compared") });
    expect(events).toEqual(["CHECK of host-local starts", "inspected", "CHECK begins", "compared", "CHECK ends"]);
  });

  it("drops the plugin's where nothing can be compared", () => {
    const { host, events } = hostWith();
    const options = { inspect: failing("no namespace"), compare: () => events.push("compared") };
    expect(() => checkWithIpam(requestFor("host-local"), host, options)).toThrow("no namespace");
    expect(events).toEqual(["CHECK of host-local starts", "CHECK is dropped"]);
  });

  it("reports what both found", () => {
    const { host } = hostWith({ error: new CniError("checkFailed", "no lease") });
    const check = () => checkWithIpam(requestFor("x"), host, { inspect: () => {}, compare: failing("no link") });
    expect(check).toThrow(AggregateError);
    expect(check).toThrow(
      expect.objectContaining({
        errors: ["no link", "no lease"].map((message) => expect.objectContaining({ message })),
      }),
    );
  });
});

describe("collectAround()", () => {
  it.each([
    ["host-local", ["the interface is deleted", "GC of host-local", "GC ends"]],
    ["dhcp", ["GC of dhcp", "GC ends", "the interface is deleted"]],
  ])("has %s reclaim leases in its turn", (type, expected) => {
    const { host, events } = hostWith();
    for (const step of collectAround(requestFor(type), host, [() => events.push("the interface is deleted")])) step();
    expect(events).toEqual(expected);
  });
});

describe("collectLeases()", () => {
  it("runs the plugin's GC", () => {
    const { host, events } = hostWith();
    collectLeases(requestFor("host-local"), host);
    expect(events).toEqual(["GC of host-local", "GC ends"]);
  });

  it("refuses a configuration whose IPAM plugin cannot be read", () => {
    const request = addRequest({ cniVersion: "1.1.0", name: "net", ipam: { type: 7 } });
    expect(() => collectLeases(request, hostWith().host)).toThrow(expect.objectContaining({ code: 7 }));
  });
});

describe("statusWithIpam()", () => {
  it("asks the plugin beside the host, and says what both say", () => {
    const { host, events } = hostWith({ error: new DelegateError(50, "full") });
    const examine = () => {
      events.push("examined");
    };
    expect(() => statusWithIpam(requestFor("host-local"), host, examine)).toThrow(
      expect.objectContaining({ code: 50, message: "full" }),
    );
    expect(events).toEqual(["STATUS of host-local", "examined"]);
  });

  it("is unavailable where the plugin cannot be run, with what to do", () => {
    const { host } = hostWith({ error: new CniError("delegateFailed", "not found") });
    expect(() => statusWithIpam(requestFor("host-local"), host, () => {})).toThrow(
      expect.objectContaining({
        code: 50,
        message: "Cannot use the IPAM plugin: not found",
        details: "install it in a folder of CNI_PATH, or set ipam.type to another",
      }),
    );
  });
});

describe("chooseDns()", () => {
  it.each([
    ["the configuration's, where it has any", { domain: "own" }, { domain: "own" }],
    ["IPAM's, where the configuration has none", undefined, { domain: "of.ipam" }],
    ["IPAM's, where the configuration's are empty", { domain: undefined }, { domain: "of.ipam" }],
  ])("takes %s", (_, configured, expected) => {
    expect(chooseDns(configured, GIVEN)).toEqual(expected);
  });

  it("has none on a network without IPAM", () => {
    expect(chooseDns(undefined, undefined)).toEqual({});
  });
});
