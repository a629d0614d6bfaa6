// Creates a plugin from build/template: plugins/NAME, its unit tests in test/plugins/NAME, and its live test in test/live. It labels the
// container's interface, and passes all checks.
// usage: npm run new-plugin NAME
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const template = path.join(root, "build/template");

const [name = "", ...others] = process.argv.slice(2);
if (others.length > 0 || !/^[a-z][a-z\d]*(-[a-z\d]+)*$/.test(name) || name.length > 30)
  fail('usage: npm run new-plugin NAME, where NAME is like "host-local"');
if (name === "cnictl") fail("cnictl is the name of the operator's command");

const folder = path.join(root, "plugins", name);
const tests = path.join(root, "test/plugins", name);
const live = path.join(root, "test/live", `${name}.test.ts`);
for (const each of [folder, tests, live]) if (fs.existsSync(each)) fail(`${path.relative(root, each)} exists already`);

const pascal = name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
const camel = pascal[0].toLowerCase() + pascal.slice(1);
// The schema has the plugin's name. Reserved words like "static" cannot be function names.
const schema = isReserved(camel) ? `${camel}Plugin` : camel;
for (const each of [folder, tests]) fs.mkdirSync(each, { recursive: true });
for (const file of fs.readdirSync(template)) {
  const text = fs.readFileSync(path.join(template, file), "utf8");
  const named = text.replaceAll("new-name", name).replaceAll("newName", schema).replaceAll("NewName", pascal);
  fs.writeFileSync(placeOf(file), named);
}
console.log(`plugins/${name}, test/plugins/${name} and test/live/${name}.test.ts are made. Next:
  npm run check
  npm test -- --project unit --project mocked test/plugins/${name} test/plugins/verbs.test.ts test/repository
  npm test -- --project live test/live/${name}.test.ts       # as root; it builds first`);

function placeOf(file) {
  if (file === "live.test.ts") return live;
  const isTest = file.endsWith(".test.ts") || file === "verb-case.ts";
  return path.join(isTest ? tests : folder, file);
}

function isReserved(word) {
  try {
    new Function(`"use strict"; function ${word}() {}`);
    return false;
  } catch {
    return true;
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
