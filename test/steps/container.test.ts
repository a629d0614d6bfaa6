import { beforeEach, expect, test } from "vitest";
import { addVeth } from "../../src/netlink/link/add.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { findContainer, findInterface, openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";

const PATH = "/run/netns/container";
let kernel: FakeKernel;
let host: Host;

beforeEach(() => {
  kernel = new FakeKernel();
  host = hostOn(kernel);
});

test("openContainer() opens the namespace, and a socket that serves it", () => {
  const namespace = kernel.addNamespace("container");
  const container = openContainer(host, PATH);
  expect(container).toMatchObject({ path: PATH, netns: namespace.fd });
  addVeth(container.netlink, { name: "eth0", peer: { name: "other" } });
  expect([namespace.links.size, kernel.host.links.size]).toEqual([3, 1]);
});

test("openContainer() refuses a path that leads to none, findContainer() says so", () => {
  expect(() => openContainer(host, PATH)).toThrow(`Cannot open netns "${PATH}": No such file or directory`);
  expect([findContainer(host, PATH), findContainer(host, "")]).toEqual([undefined, undefined]);
  kernel.addNamespace("container");
  expect(findContainer(host, PATH)?.path).toBe(PATH);
});

test("findInterface() finds an interface by its own name alone, not by another one that it has besides", () => {
  const namespace = kernel.addNamespace("container");
  const container = openContainer(host, PATH);
  addVeth(container.netlink, { name: "net1", peer: { name: "other" } });
  const link = namespace.links.get(getLink(container.netlink, "net1").index);
  if (link !== undefined) link.alternatives = ["eth0"];
  expect(getLink(container.netlink, "eth0").name).toBe("net1");
  expect(findInterface(container, "eth0")).toBeUndefined();
  expect(findInterface(container, "net1")?.name).toBe("net1");
  kernel.refuse(1, ERRNO.EPERM);
  expect(() => findInterface(container, "net1")).toThrow("Operation not permitted");
});
