import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { openNetns } from "../../src/linux/netns.ts";
import { supportsVlanFiltering } from "../../src/netlink/link/support.ts";
import { NETLINK, openNetlink } from "../../src/netlink/socket.ts";
import { fakeWorld, SCENES } from "../kernel/scenes/all.ts";
import type { Line, Scene } from "../kernel/scenes/record.ts";
import { Namespaces } from "./namespaces.ts";

/** Plays a scene on the real kernel, in namespaces of its own. */
function playForReal(scene: Scene): readonly Line[] {
  const namespaces = new Namespaces();
  const opened: { close: () => void }[] = [];
  try {
    const [hostPath, containerPath] = [namespaces.add("host"), namespaces.add("container")];
    const open = (netns: string, protocol: number) => {
      const netlink = openNetlink({ netns, protocol });
      opened.push(netlink);
      return netlink;
    };
    const netns = openNetns(containerPath);
    opened.push({ close: () => fs.closeSync(netns) });
    return scene({
      host: open(hostPath, NETLINK.ROUTE),
      container: open(containerPath, NETLINK.ROUTE),
      netns,
      netfilter: open(hostPath, NETLINK.NETFILTER),
    });
  } finally {
    for (const each of opened) each.close();
    namespaces.dispose();
  }
}

/** Keeps what a real kernel answered, for those who play without one; where CNI_TEST_RECORD says so. */
function keep(name: string, answers: readonly Line[]): void {
  if (process.env["CNI_TEST_RECORD"] === undefined) return;
  const file = path.join(import.meta.dirname, `../captures/kernel/${name}.json`);
  const lines = answers.map((line) => `    ${JSON.stringify(line)}`).join(",\n");
  fs.writeFileSync(file, `{\n  "kernel": "Linux ${os.release().split("-")[0]}",\n  "answers": [\n${lines}\n  ]\n}\n`);
}

describe("the kernel in memory answers as the real one", () => {
  test.each(Object.entries(SCENES))("%s", (name, scene) => {
    const real = playForReal(scene);
    keep(name, real);
    const vlanFiltering = playForReal(({ host }) => [["VLANs", supportsVlanFiltering(host)]])[0]?.[1] === true;
    expect(real.length).toBeGreaterThan(5);
    expect(scene(fakeWorld({ vlanFiltering }))).toEqual(real);
  });
});
