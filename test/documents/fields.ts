import { read } from "../repository/tree.ts";

const HEAD = "| field | type | default | meaning |";

/** What a plugin's page says of each field, by its path: "ipam.ranges[][].subnet". As plain text. */
export function fieldsOf(page: string): ReadonlyMap<string, string> {
  const tables = read(page).split(HEAD).slice(1);
  const lines = tables.flatMap((table) => (table.split("\n\n")[0] ?? "").split("\n").slice(2));
  return new Map(
    lines.flatMap((line) => {
      const [, names = "", type = "", standard = "", meaning = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const extension = names.includes("(extension)") ? "Extension. " : "";
      const text = `${extension}${sentence(meaning === "" ? type : meaning)}${defaultOf(standard)}`;
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => [name, plain(text)] as const);
    }),
  );
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function defaultOf(text: string): string {
  return text === "" || text === "none" ? "" : ` Default: ${text.replace(/\.$/, "")}.`;
}

/** Markdown without its marks. */
function plain(text: string): string {
  return text
    .replaceAll("\\|", "|")
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replaceAll(/[`*]/g, "");
}
