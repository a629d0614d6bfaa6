import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Containerd, RELEASES } from "./containerd.ts";

const root = path.join(import.meta.dirname, "../../..");
const TEMPLATE = "/etc/cni/net.d/cluster.conflist.template";
const LIST = "/etc/cni/net.d/10-containerd-net.conflist";

/** The template that is shipped, and the line of the configuration that names it, as docs/kubernetes.md has it. */
function shipped(): { template: string; setting: string } {
  const template = fs.readFileSync(path.join(root, "conf/containerd/cluster.conflist.template"), "utf8");
  const text = fs.readFileSync(path.join(root, "docs/kubernetes.md"), "utf8");
  const [, setting = ""] = /^```toml\n(conf_template = .*)\n```$/m.exec(text) ?? [];
  return { template, setting };
}

const SUBNETS = {
  "one family": { subnets: ["10.244.3.0/24"], addresses: ["10.244.3.2"] },
  "two families": { subnets: ["10.244.3.0/24", "fd00:10:244:3::/64"], addresses: ["10.244.3.2", "fd00:10:244:3::2"] },
};

const CASES = (["1.6", "2"] as const).flatMap((release) =>
  Object.entries(SUBNETS).map(([families, expected]) => ({ release, families, ...expected })),
);

let containerd: Containerd | undefined;

afterEach(() => containerd?.dispose());

describe("docs/kubernetes.md, each node's own subnet", () => {
  test.each(CASES)(
    "containerd $release writes the list from the node's subnets of $families, and keeps one that it can load",
    async ({ release: name, subnets, addresses }) => {
      const { template, setting } = shipped();
      const release = { ...RELEASES[name], config: `${RELEASES[name].config}    ${setting}\n` };
      containerd = await Containerd.start(release, {});
      const { node } = containerd;
      containerd.kill();
      node.run(["rm", LIST]);
      node.write(TEMPLATE, template);
      await containerd.restart();
      const isReady = async () =>
        (await containerd?.cri.conditions())?.find(({ type }) => type === "NetworkReady")?.status;
      expect(await isReady()).toBe(false);
      await containerd.cri.setPodSubnets(subnets);
      await expect.poll(isReady, { timeout: 20_000 }).toBe(true);
      const id = await containerd.cri.runPod(containerd.pod("a"));
      expect(await containerd.cri.addresses(id)).toEqual(addresses);
      await containerd.cri.setPodSubnets(["10.244.4.0/24"]);
      expect(JSON.parse(node.run(["cat", LIST])).plugins[0].ipam.ranges[0]).toEqual([{ subnet: "10.244.3.0/24" }]);
      await containerd.cri.stopPod(id);
      await containerd.cri.removePod(id);
    },
    300_000,
  );
});
