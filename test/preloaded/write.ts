// npm run preload: writes native/preloaded.txt anew.
import fs from "node:fs";
import path from "node:path";
import { recordModules } from "./record.ts";

/** Loaded by a call that has to wait for the kernel or for another call, as on a busy host. No call of a recording may have to. */
const WAITING = ["src/linux/poll.ts"];

const file = path.join(import.meta.dirname, "../../native/preloaded.txt");
const [comment = ""] = fs.readFileSync(file, "utf8").split("\n");
const modules = [...new Set([...(await recordModules()).ever, ...WAITING])].sort();
fs.writeFileSync(file, [comment, ...modules, ""].join("\n"));
