import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Ajv } from "ajv";
import { beforeAll, describe, expect, it } from "vitest";
import { formatBom } from "../../build/release/bom.mjs";
import { type Component, findComponents } from "../../build/release/components.mjs";
import { cutNotes } from "../../build/release/notes.mjs";
import { formatNotices } from "../../build/release/notices.mjs";
import { importsOf, read, root, SHIPPED } from "../repository/tree.ts";

const RELEASE = { version: "1.2.3", commit: "abc123def456", date: "2026-01-02", time: 1_767_312_000 };

const SCHEMAS = "node_modules/@cyclonedx/cyclonedx-library/res/schema";

let components: readonly Component[];

beforeAll(async () => {
  components = await findComponents();
});

function schema(name: string): object {
  return JSON.parse(read(`${SCHEMAS}/${name}.SNAPSHOT.schema.json`));
}

describe("findComponents()", () => {
  it("has each npm package that the code imports, and its dependencies, but no tool", () => {
    const imported = SHIPPED.flatMap(importsOf).map((name) => /^(@[^/]+\/)?[a-z][^/:]*/.exec(name)?.[0] ?? "");
    const packages = imported.filter((name) => fs.existsSync(path.join(root, "node_modules", name, "package.json")));
    const found = components.filter(({ purl }) => purl.startsWith("pkg:npm/")).map(({ name }) => name);
    expect(found).toEqual(expect.arrayContaining([...new Set(packages)]));
    expect(found).toContain("retry");
    expect(found).not.toContain("esbuild");
    expect(found).not.toContain("graceful-fs");
  });

  it("has the engine, the C library and the compiler, whose runtime is linked", () => {
    const others = components.filter(({ purl }) => !purl.startsWith("pkg:npm/"));
    expect(others.map(({ name }) => name)).toEqual(["quickjs-ng", "musl", "zig"]);
    const pins = read("native/requirements.txt");
    for (const name of ["quickjs-ng", "zig"])
      expect(pins).toContain(`==${others.find((each) => each.name === name)?.version}`);
    expect(others.map(({ texts }) => texts[0])).toEqual([
      expect.stringMatching(/Copyright \(c\) .* Fabrice Bellard[\s\S]*Permission is hereby granted/),
      expect.stringContaining("Rich Felker"),
      expect.stringContaining("Zig contributors"),
    ]);
  });
});

describe("formatBom()", () => {
  it("is CycloneDX 1.6, by its schema", () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
    const validate = ajv.compile(schema("bom-1.6"));
    const bom = JSON.parse(formatBom(RELEASE, components));
    expect(validate(bom), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...bom, components: [{ name: "no type" }] })).toBe(false);
  });

  it("has every component with version, licence and place, and the same number for the same content", () => {
    const bom = JSON.parse(formatBom(RELEASE, components));
    expect(bom.components.map(({ purl }: { purl: string }) => purl)).toEqual(components.map(({ purl }) => purl));
    expect(bom.dependencies[0].dependsOn).toEqual(components.map(({ purl }) => purl));
    expect(bom.metadata.timestamp).toBe("2026-01-02T00:00:00.000Z");
    expect(formatBom(RELEASE, components)).toBe(formatBom({ ...RELEASE }, [...components]));
    expect(JSON.parse(formatBom({ ...RELEASE, commit: "other" }, components)).serialNumber).not.toBe(bom.serialNumber);
  });
});

describe("formatNotices()", () => {
  it("has each component's name, version and every text of its licence", () => {
    const text = formatNotices(components);
    for (const { name, version, license, texts } of components) {
      expect(text).toContain(`\n${name} ${version} (${license})\n`);
      for (const each of texts) expect(text).toContain(each.trim());
    }
  });
});

describe("cutNotes()", () => {
  const changelog = "# Changelog\n\n## 1.2.30\n\nlater\n\n## 1.2.3, unreleased\n\n### Added\n- a\n\n## 1.2.2\n\n- b\n";

  it("is the section of one version, and no more", () => {
    const text = "# cni-plugins-ts v1.2.3\n\nCommit abc123def456 of 2026-01-02.\n\n### Added\n- a\n";
    expect(cutNotes(changelog, RELEASE)).toBe(text);
  });

  it("fails for a version that the changelog does not have", () => {
    expect(() => cutNotes(changelog, { ...RELEASE, version: "1.2.4" })).toThrow("CHANGELOG.md says nothing of 1.2.4");
  });

  it("finds the version of package.json in CHANGELOG.md", () => {
    const { version } = JSON.parse(read("package.json"));
    expect(cutNotes(read("CHANGELOG.md"), { ...RELEASE, version })).toContain("### ");
  });
});

it("a release without the emulator fails at once, and the last release stays", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "release-"));
  try {
    fs.writeFileSync(path.join(folder, "SHA256SUMS"), "");
    const bin = path.join(folder, "bin");
    fs.mkdirSync(bin);
    const git = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
    fs.symlinkSync(git, path.join(bin, "git"));
    const command = ["build/release.mjs", "--changed", "--output", folder];
    const environment = { ...process.env, PATH: bin };
    const { status, stderr } = spawnSync(process.execPath, command, { cwd: root, env: environment, encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^Cannot run executables for \w+ here: install qemu-user-static\n$/),
    });
    expect(fs.readdirSync(folder)).toContain("SHA256SUMS");
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
