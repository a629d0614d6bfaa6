// Adds up vitest's JSON reports and the steps around them; the last line is "N passed, N failed". Exits 1 when anything failed.
// usage: node .ci/tally.mjs REPORTS STEP...; a step is "passed" or says what failed
import fs from "node:fs";
import path from "node:path";

const [folder, ...steps] = process.argv.slice(2);
const files = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
const reports = files.map((file) => ({ file, ...JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")) }));

for (const { file, numPassedTests, numFailedTests, numPendingTests, testResults } of reports) {
  console.log(
    `${path.basename(file, ".json")}: ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`,
  );
  for (const { name, status, assertionResults } of testResults) {
    for (const test of assertionResults) if (test.status === "failed") console.log(`  FAILED ${test.fullName}`);
    if (status === "failed" && assertionResults.every((test) => test.status !== "failed"))
      console.log(`  FAILED ${name}`);
  }
}
const failedSteps = steps.filter((step) => step !== "passed");
for (const step of failedSteps) console.log(step);

const sum = (of) => reports.reduce((total, report) => total + of(report), 0);
// A test that is skipped has promised something that nobody looked at.
const failed = sum(({ numFailedTests, numPendingTests }) => numFailedTests + numPendingTests) + failedSteps.length;
const passed = sum(({ numPassedTests }) => numPassedTests) + steps.length - failedSteps.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && sum(({ numPassedTests }) => numPassedTests) > 0 ? 0 : 1;
