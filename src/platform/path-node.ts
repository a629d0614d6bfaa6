import path from "node:path";
import type { FilePath } from "./file-path.ts";

/** node:path itself. */
const paths: FilePath = path;

export default paths;
