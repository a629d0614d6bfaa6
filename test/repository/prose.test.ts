import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { filesOf, read, root } from "./tree.ts";

/** What users read. */
const DOCUMENTS = [
  ...fs.readdirSync(root).filter((file) => file.endsWith(".md")),
  ...["docs", "plugins"].flatMap((folder) => filesOf(folder).filter((file) => file.endsWith(".md"))),
];

/** Words that readers with English as a second language stumble over, and what to write. */
const HARD: Readonly<Record<string, RegExp>> = {
  '"(extension)"': /\(ours\)/,
  '"even if", "or"': /\bbe it\b/i,
  '"is gone", "does not exist"': /\b(is|are) no more\b/i,
  '"log", "report"': /\b(tells?|told)\b/i,
  '"delete", "remove"': /\bforg[eo]t(s|ten)?\b/i,
  '"without an owner"': /\bnobody's\b/i,
  '"during", "while"': /\bmeanwhile\b/i,
};

/** Text without what is quoted: messages, commands and code. */
function wordsOf(markdown: string): string {
  return markdown.replaceAll(/^ *```.*?^ *```$/gms, "").replaceAll(/`[^`\n]*`/g, "");
}

describe("the documents", () => {
  it.each(DOCUMENTS)("%s is in plain English", (document) => {
    const lines = wordsOf(read(document)).split("\n");
    const found = Object.entries(HARD).flatMap(([better, hard]) =>
      lines.filter((line) => hard.test(line)).map((line) => `${better}: ${line}`),
    );
    expect(found).toEqual([]);
  });
});
