// Finds files, exports and packages that nothing uses (`knip`), and those that only tests use (`knip --production`): the entries marked
// with "!" are what is shipped, and what builds it.
const isProduction = process.argv.includes("--production");

export default {
  entry: [
    "build.mjs!",
    "build/release.mjs!",
    ...(isProduction ? ["build/node.mjs!", "build/new-plugin.mjs!"] : []),
    // native/host.c starts main.ts; the build adds the other two.
    "src/image/{main,node}.ts!",
    "src/platform/{globals-native,native}.ts!",
    "src/cni/schema-compiler.ts!",
    "plugins/*/main.ts!",
    // Started by their path.
    "test/*.mjs",
    "test/{bench,demo,faults,fresh,fuzz,leases,mutants}/main.ts",
    "test/{faults,fuzz}/inside.ts",
    "test/fuzz/decoding.ts",
    "test/demo/web.ts",
    "test/documents/demo-picture.ts",
    "test/documents/write.ts",
    "test/clients/{runtimes,built,cluster}/prepare.ts",
    "test/clients/built/api-server.ts",
    "test/live/netfilter-caller.ts",
    "test/**/fixtures/*.ts",
    // Found by test/plugins/verbs.test.ts.
    "test/plugins/*/verb-case.ts",
    "test/captures/*/capture.mjs",
    ".ci/*.mjs",
  ],
  project: ["build/**/*.{mjs,js}!", "src/**/*.ts!", "plugins/**/*.ts!", "test/**/*.{ts,mjs}", ".ci/*.mjs"],
  // What is in it is written for the place that it is copied to.
  ignore: ["build/template/**"],
  vitest: { config: ["test/vitest.config.ts", "test/mutants/vitest.config.ts"] },
  // The build makes it: src/image/image.d.ts.
  ignoreUnresolved: ["#image"],
  // The scripts of package.json start the one through build/node.mjs; of the other, a test reads the schemas.
  ignoreDependencies: ["@biomejs/biome", "@cyclonedx/cyclonedx-library"],
  // Tools of the system: test/system.mjs knows them.
  exclude: ["binaries"],
  // A type may be exported to be read with the function that takes it. What is tested besides being used in its file is no dead code.
  ignoreExportsUsedInFile: isProduction ? true : { interface: true, type: true },
};
