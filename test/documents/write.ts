// Writes what the documents have from the code and from real output: docs/errors.md, schema/*.json, man/*.8, and docs/demo.svg of a demo that it runs.
// usage: npm run documents
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../repository/tree.ts";
import { drawDemo } from "./demo-picture.ts";
import { formatErrors } from "./errors.ts";
import { makeSchemas } from "./json-schema.ts";
import { makeManPages } from "./man-pages.ts";

const docs = path.join(root, "docs");
fs.writeFileSync(path.join(docs, "errors.md"), formatErrors());
for (const [name, text] of Object.entries(await makeSchemas())) fs.writeFileSync(path.join(root, "schema", name), text);
for (const [name, text] of Object.entries(makeManPages())) fs.writeFileSync(path.join(root, "man", name), text);

const demo = spawnSync("npm", ["run", "demo"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
if (demo.status !== 0) throw new Error(`npm run demo ended with ${demo.status}:\n${demo.stdout}`);
fs.writeFileSync(path.join(docs, "demo.svg"), drawDemo(demo.stdout));
