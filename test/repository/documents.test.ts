import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cnictl/commands.ts";
import { formatErrors } from "../documents/errors.ts";
import { fieldsOf } from "../documents/fields.ts";
import { makeSchemas } from "../documents/json-schema.ts";
import { FILES, makeManPages } from "../documents/man-pages.ts";
import { describedPaths } from "./described-paths.ts";
import { filesOf, PLUGINS, read, root, SHIPPED } from "./tree.ts";

const TOP_LEVEL = [
  ...[
    ".biome.json",
    ".ci",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    ".npmrc",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
  ],
  ...[
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "build",
    "build.mjs",
    "SECURITY.md",
    "conf",
    "deploy",
    "docs",
    "package-lock.json",
    "package.json",
    "plugins",
  ],
  ...["man", "native", "schema", "src", "test", "tsconfig.json"],
];

describe("the repository", () => {
  it("has at its top what is listed here and no more", () => {
    const listed = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
    const top = new Set(listed.map((file) => file.split("/")[0] ?? ""));
    expect([...top].sort()).toEqual([...TOP_LEVEL].sort());
  });
});

/** Every document, but for those of packages. */
const DOCUMENTS = [
  ...fs.readdirSync(root).filter((file) => file.endsWith(".md")),
  ...["docs", "plugins", "native"].flatMap((folder) => filesOf(folder).filter((file) => file.endsWith(".md"))),
];

describe("README.md", () => {
  const text = read("README.md");

  it("has at most 150 lines", () => {
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(150);
  });

  it("shows the network list that is installed", () => {
    const [, list = ""] = /^```json\n(.*?)^```$/ms.exec(text) ?? [];
    expect(JSON.parse(list)).toEqual(JSON.parse(read("conf/10-bridge.conflist")));
  });

  it("says nothing of the Go plugins without the test that shows it", () => {
    const [, table = ""] = text.split("| | Go plugins | these | shown by |\n|---|---|---|---|\n");
    const rows = (table.split("\n\n")[0] ?? "").split("\n");
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter((row) => !/\]\(test\/[\w/.-]+\.ts\)[^|]*\|$/.test(row))).toEqual([]);
  });

  it.each(["demo", "test", "build", "bench"])("names the command npm run %s, which exists", (script) => {
    expect(Object.keys(JSON.parse(read("package.json")).scripts)).toContain(script);
    expect(text).toMatch(new RegExp(`npm (run )?${script}\\b`));
  });
});

describe("the documents", () => {
  it.each(DOCUMENTS)("%s: each link leads to a file, and to a heading in it", (document) => {
    const links = [...read(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    const wrong = links.filter(([, file = "", anchor]) => {
      const target = file === "" ? document : path.join(path.dirname(document), file);
      if (!fs.existsSync(path.join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(wrong.map(([link]) => link)).toEqual([]);
  });

  it("have a page for each plugin, to which README.md and docs/differences.md lead", () => {
    expect(PLUGINS.filter((name) => !DOCUMENTS.includes(`plugins/${name}/README.md`))).toEqual([]);
    for (const document of ["README.md", "docs/differences.md"])
      expect(PLUGINS.filter((name) => !read(document).includes(`plugins/${name}/README.md`))).toEqual([]);
  });

  it("schema/*.json are what `npm run documents` writes", async () => {
    const schemas = await makeSchemas();
    expect(filesOf("schema").sort()).toEqual(
      Object.keys(schemas)
        .map((name) => `schema/${name}`)
        .sort(),
    );
    for (const [name, text] of Object.entries(schemas)) expect(read(`schema/${name}`), name).toBe(text);
  });

  it("man/*.8 are what `npm run documents` writes", () => {
    const pages = makeManPages();
    expect(filesOf("man")).toEqual(
      Object.keys(pages)
        .sort()
        .map((name) => `man/${name}`),
    );
    for (const [name, text] of Object.entries(pages)) expect(read(`man/${name}`), name).toBe(text);
  });

  it("docs/errors.md is what `npm run documents` writes", () => {
    expect(read("docs/errors.md")).toBe(formatErrors());
  });

  it("docs/demo.svg has every step of the demo that `npm run documents` draws", () => {
    const steps = [...read("test/demo/main.ts").matchAll(/step\("([^"]+)"\)/g)].map(([, step = ""]) => step);
    expect(steps.slice(1).filter((step) => !read("docs/demo.svg").includes(`>${step}</text>`))).toEqual([]);
  });
});

describe("the man pages", () => {
  it.each(filesOf("man"))("%s: groff and mandoc have nothing to say about it but that it has no date", (page) => {
    const groff = spawnSync("groff", ["-man", "-ww", "-z", "-Tutf8", page], { cwd: root, encoding: "utf8" });
    expect(groff).toMatchObject({ status: 0, stdout: "", stderr: "" });
    const { error, stdout } = spawnSync("mandoc", ["-T", "lint", "-W", "style", page], { cwd: root, encoding: "utf8" });
    expect(error).toBeUndefined();
    expect(stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date"))).toEqual([]);
  });

  it("name each plugin's field, each command and each option", () => {
    const shown = (page: string) =>
      execFileSync("groff", ["-man", "-Tascii", "-P-cbou", "-rHY=0", "-rLL=500n", page], {
        cwd: root,
        encoding: "utf8",
      });
    const tool = shown("man/cnictl.8");
    for (const { name, options } of COMMANDS) {
      expect(tool).toMatch(new RegExp(`^ +cnictl ${name}$`, "m"));
      for (const option of Object.keys(options)) expect(tool).toContain(`--${option}`);
    }
    for (const plugin of PLUGINS) {
      const page = shown(`man/cni-${plugin}.8`);
      for (const field of fieldsOf(`plugins/${plugin}/README.md`).keys()) expect(page, plugin).toContain(field);
    }
  });

  it("name files that the code names", () => {
    for (const [name, files] of Object.entries(FILES)) {
      const own = name === "cnictl" ? "src/cnictl/" : `plugins/${name}/`;
      const code = SHIPPED.filter((file) => file.startsWith(own) || /^src\/(netfilter|steps|runtime)\//.test(file)).map(
        read,
      );
      for (const file of Object.keys(files))
        expect(
          code.some((text) => text.includes(`"${file}"`)),
          file,
        ).toBe(true);
    }
  });
});

/** The headings of a document as GitHub names them in links. */
function anchorsOf(markdown: string): readonly string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("ARCHITECTURE.md", () => {
  it("has a line for every folder of src", () => {
    const described = describedPaths(read("ARCHITECTURE.md")).flat();
    const folders = new Set(
      SHIPPED.filter((file) => file.startsWith("src/")).map((file) => `src/${file.split("/")[1]}/`),
    );
    expect([...folders].filter((folder) => !described.includes(folder))).toEqual([]);
  });

  it("names functions that are exported by the files beside them", () => {
    const [, table = ""] = read("ARCHITECTURE.md").split("| for | use | in |\n|---|---|---|\n");
    const rows = (table.split("\n\n")[0] ?? "").split("\n").map((row) => row.split("|"));
    const quoted = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
    const named = rows.flatMap(([, , names, files]) => {
      const code = quoted(files).map(read).join("\n");
      return quoted(names).map((name) => ({ name, isThere: new RegExp(`^export \\w+ ${name}\\b`, "m").test(code) }));
    });
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ isThere }) => !isThere)).toEqual([]);
  });

  it("describes nothing that is not there", () => {
    const missing = describedPaths(read("ARCHITECTURE.md")).filter(
      (paths) => !paths.some((file) => fs.existsSync(path.join(root, file))),
    );
    expect(missing.map((paths) => paths.join(" or "))).toEqual([]);
  });
});

describe("the code", () => {
  it.each(SHIPPED)("%s has a sentence on every function and class that it exports", (file) => {
    expect(exportsWithoutDoc(read(file))).toEqual([]);
  });
});

/** An encoder may leave the words to the decoder that it mirrors. */
function exportsWithoutDoc(text: string): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    const [, name] = /^export (?:function|class) (\w+)/.exec(line) ?? [];
    const before = lines[at - 1]?.trim() ?? "";
    if (name === undefined || before.endsWith("*/")) return [];
    const isMirror = name.startsWith("encode") && text.includes(`export function ${name.replace(/^encode/, "decode")}`);
    return isMirror ? [] : [name];
  });
}
