import { defineConfig } from "vitest/config";
import config from "../vitest.config.ts";

/** Folders and files of tests, as MUTANTS_TESTS names them. */
const wanted = (process.env["MUTANTS_TESTS"] ?? "").split(" ");

/** The projects without root and without a kernel, of which only the wanted tests run. */
const projects = (config.test?.projects ?? []).flatMap((project) => {
  if (typeof project !== "object" || !("test" in project)) return [];
  const { name, include = [] } = project.test ?? {};
  const files = include.filter((file) => wanted.some((place) => file === place || file.startsWith(`${place}/`)));
  if (!["unit", "mocked"].includes(String(name)) || files.length === 0) return [];
  return [{ test: { ...project.test, include: files } }];
});

// Stryker runs it in a copy of the tree: paths are relative to that.
export default defineConfig({ ...config, test: { ...config.test, projects } });
