import { describe, expect, it } from "vitest";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { type Bus, DbusError } from "../../src/linux/dbus/bus.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { addSources, knowsZone, missingSources, removeSources } from "../../src/steps/firewalld.ts";

/** A firewalld that answers calls with `answer`, and the calls as "method arguments". */
function firewalldThat(answer: (method: string) => string | boolean | undefined) {
  const calls: string[] = [];
  const bus: Bus = {
    hasOwner: () => true,
    close: () => {},
    call: ({ member, args }) => {
      const call = [member, ...args].join(" ");
      calls.push(call);
      return answer(call);
    },
  };
  return { bus, calls };
}

/** What firewalld refuses has one D-Bus name; its own is the beginning of the text. */
function refuse(text: string): never {
  throw new DbusError("org.fedoraproject.FirewallD1.Exception", text);
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

const SOURCE = [address("10.1.0.2")];

describe("addSources()", () => {
  it("puts each address into the zone, by its length", () => {
    const firewalld = firewalldThat(() => "trusted");
    addSources(firewalld, "trusted", [address("10.1.0.2"), address("fd00::2")]);
    expect(firewalld.calls).toEqual(["addSource trusted 10.1.0.2/32", "addSource trusted fd00::2/128"]);
  });

  it("moves one that is in another zone, and takes one that is there already for done", () => {
    const moving = firewalldThat((call) => (call.startsWith("addSource") ? refuse("ZONE_CONFLICT: x") : "trusted"));
    addSources(moving, "trusted", SOURCE);
    expect(moving.calls).toEqual(["addSource trusted 10.1.0.2/32", "changeZoneOfSource trusted 10.1.0.2/32"]);
    const present = firewalldThat(() => refuse("ZONE_ALREADY_SET: x"));
    expect(() => addSources(present, "trusted", SOURCE)).not.toThrow();
  });

  it.each([
    ["a zone that does not exist", () => refuse("INVALID_ZONE: x"), 7],
    ["any other refusal", () => refuse("COMMAND_FAILED: x"), 115],
    ["no answer in time", timeOut, 11],
    ["a bus that is gone", () => breakDown(ERRNO.EPIPE), 115],
  ])("fails with the code for %s", (_, answer, code) => {
    const add = () => addSources(firewalldThat(answer), "nowhere", SOURCE);
    expect(add).toThrow(expect.objectContaining({ code }));
    expect(add).toThrow(/^Cannot put 10.1.0.2\/32 into zone "nowhere" with firewalld: /);
  });
});

describe("removeSources()", () => {
  it("takes an address out of its zone, or of whichever it is in by now", () => {
    const firewalld = firewalldThat((call) => (call.includes("trusted") ? refuse("ZONE_CONFLICT: x") : "other"));
    removeSources(firewalld, "trusted", SOURCE);
    expect(firewalld.calls).toEqual(["removeSource trusted 10.1.0.2/32", "removeSource  10.1.0.2/32"]);
  });

  it("takes one that is in no zone for done, with one call", () => {
    const firewalld = firewalldThat(() => refuse("UNKNOWN_SOURCE: x"));
    removeSources(firewalld, "trusted", SOURCE);
    expect(firewalld.calls).toHaveLength(1);
  });

  it("fails where firewalld does not answer in time, to be tried again", () => {
    expect(() => removeSources(firewalldThat(timeOut), "trusted", SOURCE)).toThrow(
      expect.objectContaining({ code: 11 }),
    );
  });
});

describe("missingSources() and knowsZone()", () => {
  it("names what a zone lacks", () => {
    expect(
      missingSources(
        firewalldThat(() => true),
        "trusted",
        SOURCE,
      ),
    ).toEqual([]);
    expect(
      missingSources(
        firewalldThat(() => false),
        "trusted",
        SOURCE,
      ),
    ).toEqual(['Zone "trusted" of firewalld must have the source 10.1.0.2/32']);
  });

  it("tells whether there is such a zone", () => {
    expect(
      knowsZone(
        firewalldThat(() => false),
        "trusted",
      ),
    ).toBe(true);
    expect(
      knowsZone(
        firewalldThat(() => refuse("INVALID_ZONE: x")),
        "nowhere",
      ),
    ).toBe(false);
  });
});

function timeOut(): never {
  return breakDown(ERRNO.ETIMEDOUT);
}

function breakDown(errno: number): never {
  throw new LinuxError("receive from a socket", { syscall: "poll", errno });
}
