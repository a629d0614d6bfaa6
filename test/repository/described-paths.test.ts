import { expect, it } from "vitest";
import { describedPaths } from "./described-paths.ts";

const DOCUMENT = `
Words about src/ that count for nothing.

\`\`\`
src/
  ip/            values
    address.ts   an address
  link/ route/   a folder for each kernel object,
                 and more words
    add.ts get.ts   one request each
build.mjs        makes dist
\`\`\`
`;

it("describedPaths reads names, folders by their slash, and several folders of one line", () => {
  expect(describedPaths(DOCUMENT)).toEqual([
    ["src/"],
    ["src/ip/"],
    ["src/ip/address.ts"],
    ["src/link/"],
    ["src/route/"],
    ["src/link/add.ts", "src/route/add.ts"],
    ["src/link/get.ts", "src/route/get.ts"],
    ["build.mjs"],
  ]);
});
