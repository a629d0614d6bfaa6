import fs from "node:fs";
import type { FileSystem } from "./file-system.ts";

/** node:fs itself. */
const files: FileSystem = fs;

export default files;
