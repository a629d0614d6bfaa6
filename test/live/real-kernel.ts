import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openNetns } from "../../src/linux/netns.ts";
import { type Netlink, openNfnetlink, openRtnetlink } from "../../src/netlink/socket.ts";
import type { Line, Scene } from "../kernel/scenes/record.ts";
import { Namespaces } from "./namespaces.ts";

/** Plays a scene on the real kernel, in namespaces of its own. */
export function playForReal(scene: Scene): readonly Line[] {
  const namespaces = new Namespaces();
  const opened: { close: () => void }[] = [];
  try {
    const [hostPath, containerPath] = [namespaces.add("host"), namespaces.add("container")];
    const keep = <S extends Netlink>(netlink: S) => {
      opened.push(netlink);
      return netlink;
    };
    const netns = openNetns(containerPath);
    opened.push({ close: () => fs.closeSync(netns) });
    return scene({
      host: keep(openRtnetlink({ netns: hostPath })),
      container: keep(openRtnetlink({ netns: containerPath })),
      netns,
      netfilter: keep(openNfnetlink({ netns: hostPath })),
    });
  } finally {
    for (const each of opened) each.close();
    namespaces.dispose();
  }
}

/** Keeps what a real kernel answered in the folder that CNI_TEST_RECORD names, if it does: for test/captures/kernel. */
export function keepAnswers(name: string, answers: readonly Line[]): void {
  const folder = process.env["CNI_TEST_RECORD"];
  if (folder === undefined) return;
  const lines = answers.map((line) => `    ${JSON.stringify(line)}`).join(",\n");
  const text = `{\n  "kernel": "Linux ${os.release().split("-")[0]}",\n  "answers": [\n${lines}\n  ]\n}\n`;
  fs.writeFileSync(path.join(folder, `${name}.json`), text);
}
