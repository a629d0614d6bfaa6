/** Node.js's own parseArgs, as a package for runtimes that have none. */
declare module "@pkgjs/parseargs" {
  export { parseArgs } from "node:util";
}
