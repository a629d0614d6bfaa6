import { describe, expect, test } from "vitest";
import { moveLinkIn, moveLinkOut } from "../../../plugins/host-device/move-link.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLinkUp } from "../../../src/netlink/link/set.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";

/** A host with card0, and a container. */
function stage() {
  const kernel = new FakeKernel();
  const netlink = kernel.openRoute();
  const host = { netlink, netns: kernel.host.fd };
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addIfb(netlink, { name: "card0", mac: "02:00:00:00:00:50", up: true });
  return { kernel, host, container, card: getLink(netlink, "card0") };
}

function moved() {
  const on = stage();
  const link = moveLinkIn(on.host.netlink, on.container, { link: on.card, name: "eth0", alias: "card0" });
  return { ...on, link };
}

describe("moveLinkIn()", () => {
  test("moves the link in under the new name, with the alias, in one request", () => {
    const { kernel, host, link } = moved();
    expect(link).toMatchObject({ name: "eth0", alias: "card0", up: false, mac: "02:00:00:00:00:50" });
    expect(findLink(host.netlink, "card0")).toBeUndefined();
    expect(kernel.log.filter((line) => line.includes("move link"))).toHaveLength(1);
  });
});

describe("moveLinkOut()", () => {
  test("moves the link out under its name, which it gets inside", () => {
    const { kernel, host, container, link } = moved();
    const from = kernel.requests;
    expect(moveLinkOut(container, host, { link, name: "card0" })).toMatchObject({
      name: "card0",
      alias: "card0",
      up: false,
    });
    expect(kernel.log.slice(from)).toEqual([
      'container: get link "card0"',
      'container: set name card0 on link "eth0"',
      'container: move link "card0" to another network namespace as "card0"',
      'host: get link "card0"',
    ]);
  });

  test("moves the link out where another link inside has the name", () => {
    const { host, container, link } = moved();
    addIfb(container.netlink, { name: "card0", mac: "02:00:00:00:00:60" });
    expect(moveLinkOut(container, host, { link, name: "card0" }).mac).toBe("02:00:00:00:00:50");
    expect(getLink(container.netlink, "card0").mac).toBe("02:00:00:00:00:60");
  });

  test.each([1, 2, 3, 4])("leaves the link as it was inside where request %i is refused", (n) => {
    const on = moved();
    setLinkUp(on.container.netlink, on.link);
    const link = getLink(on.container.netlink, "eth0");
    const before = on.kernel.snapshot();
    on.kernel.refuse(n, ERRNO.EBUSY);
    expect(() => moveLinkOut(on.container, on.host, { link, name: "card0" })).toThrow("busy");
    expect(on.kernel.snapshot()).toEqual(before);
  });

  test("leaves the link as it was inside where the name is taken outside", () => {
    const { kernel, host, container, link } = moved();
    addIfb(host.netlink, { name: "card0", mac: "02:00:00:00:00:60" });
    const before = kernel.snapshot();
    expect(() => moveLinkOut(container, host, { link, name: "card0" })).toThrow("File exists");
    expect(kernel.snapshot()).toEqual(before);
  });
});
