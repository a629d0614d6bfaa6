import { describe, expect, it } from "vitest";
import { isSameContainer, refuseHeld } from "../../../plugins/portmap/holder.ts";
import type { Redirect } from "../../../plugins/portmap/redirect.ts";
import { address } from "../../netlink/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const redirect: Redirect = { protocol: "tcp", hostIp: undefined, hostPort: 80, to: address("10.0.0.2"), toPort: 8080 };

describe("isSameContainer()", () => {
  const long = "0123456789abcdef".repeat(4);

  it.each([
    ["another interface's and network's", owner, { ...owner, ifname: "eth1", network: "net2" }, true],
    ["another container's", owner, { ...owner, containerId: "c2" }, false],
    ["one whose id its own begins with", { ...owner, containerId: "c10" }, owner, false],
    ["one whose id was cut", { ...owner, containerId: long }, { ...owner, containerId: long.slice(0, 40) }, true],
    ["one cut to 32 digits", { ...owner, containerId: long }, { ...owner, containerId: long.slice(0, 32) }, true],
    ["one cut to fewer", { ...owner, containerId: long }, { ...owner, containerId: long.slice(0, 31) }, false],
    ["one that ends alike", { ...owner, containerId: long }, { ...owner, containerId: long.slice(24) }, false],
    ["nobody's", owner, undefined, false],
  ])("tells of %s", (_what, own, held, expected) => {
    expect(isSameContainer(own, { owner: held })).toBe(expected);
  });
});

describe("refuseHeld()", () => {
  const refused = (held: Parameters<typeof refuseHeld>[1]) => {
    try {
      return refuseHeld(redirect, held);
    } catch (error) {
      return error;
    }
  };

  it("names the holder and what to do", () => {
    expect(refused({ redirect: { ...redirect, to: address("10.0.0.3") }, owner })).toMatchObject({
      code: 111,
      message:
        'Cannot map 0.0.0.0:80/tcp: it is mapped to 10.0.0.3:8080, interface "eth0" of container "c1" on network "net1"',
      details:
        'use another hostPort, or where that container is gone, run "cnictl gc net1", which removes what it left',
    });
  });

  it("names the holder's own end of the host, if that is another", () => {
    const held = { ...redirect, hostIp: address("192.0.2.1") };
    expect(refused({ redirect: held, owner })).toMatchObject({
      message: expect.stringContaining("Cannot map 0.0.0.0:80/tcp: 192.0.2.1:80/tcp is mapped to 10.0.0.2:8080"),
    });
  });

  it("says as much as rules tell that do not name an interface, or nobody", () => {
    const { network, containerId } = owner;
    expect(refused({ redirect, owner: { network, containerId } })).toMatchObject({
      message: expect.stringMatching(/10\.0\.0\.2:8080, container "c1" on network "net1"$/),
    });
    expect(refused({ redirect, owner: { containerId } })).toMatchObject({
      message: expect.stringMatching(/10\.0\.0\.2:8080, container "c1"$/),
      details: expect.stringContaining('run "cnictl del" for it'),
    });
    expect(refused({ redirect, owner: undefined })).toMatchObject({
      message: expect.stringMatching(/10\.0\.0\.2:8080, by rules that do not say whose they are$/),
      details: expect.stringContaining("run GC of its network"),
    });
  });
});
