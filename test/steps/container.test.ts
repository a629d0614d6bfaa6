import { beforeEach, expect, test, vi } from "vitest";
import { ERRNO } from "../../src/linux/errno.ts";
import { addVeth } from "../../src/netlink/link/add.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { findContainer, findInterface, openContainer } from "../../src/steps/container.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { run } from "../kernel/system.ts";

vi.mock("../../src/linux/netns.ts", async () => (await import("../kernel/system.ts")).netns);
vi.mock("../../src/netlink/socket.ts", async (original) => ({
  ...(await original<object>()),
  ...(await import("../kernel/system.ts")).socket,
}));

const PATH = "/run/netns/container";
let kernel: FakeKernel;

beforeEach(() => {
  kernel = run(new FakeKernel());
});

test("openContainer() opens the namespace, and a socket that serves it", () => {
  const namespace = kernel.addNamespace("container");
  const container = openContainer(PATH);
  expect(container).toMatchObject({ path: PATH, netns: namespace.fd });
  addVeth(container.netlink, { name: "eth0", peer: { name: "other" } });
  expect([namespace.links.size, kernel.host.links.size]).toEqual([3, 1]);
});

test("openContainer() refuses a path that leads to none, findContainer() says so", () => {
  expect(() => openContainer(PATH)).toThrow(`Cannot open netns "${PATH}": No such file or directory`);
  expect([findContainer(PATH), findContainer("")]).toEqual([undefined, undefined]);
  kernel.addNamespace("container");
  expect(findContainer(PATH)?.path).toBe(PATH);
});

test("findInterface() finds an interface by its own name alone, not by another one that it has besides", () => {
  const namespace = kernel.addNamespace("container");
  const container = openContainer(PATH);
  addVeth(container.netlink, { name: "net1", peer: { name: "other" } });
  const link = namespace.links.get(getLink(container.netlink, "net1").index);
  if (link !== undefined) link.alternatives = ["eth0"];
  expect(getLink(container.netlink, "eth0").name).toBe("net1");
  expect(findInterface(container, "eth0")).toBeUndefined();
  expect(findInterface(container, "net1")?.name).toBe("net1");
  kernel.refuse(1, ERRNO.EPERM);
  expect(() => findInterface(container, "net1")).toThrow("Operation not permitted");
});
