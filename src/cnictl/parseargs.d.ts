/** Node.js's parseArgs as a package, for runtimes without it. */
declare module "@pkgjs/parseargs" {
  export { parseArgs } from "node:util";
}
