// npm run preload: writes native/preloaded.txt anew.
import fs from "node:fs";
import path from "node:path";
import { recordModules } from "./record.ts";

const file = path.join(import.meta.dirname, "../../native/preloaded.txt");
const [comment = ""] = fs.readFileSync(file, "utf8").split("\n");
const modules = [...(await recordModules()).ever].sort();
fs.writeFileSync(file, [comment, ...modules, ""].join("\n"));
