// The notices of everything in the image that others have made.

const HEAD = `The executables of cni-plugins-ts contain the following works of others, each under its own licence.
`;

const LINE = "=".repeat(80);

/** The text of the notices. */
export function formatNotices(components) {
  const parts = components.map(({ name, version, license, texts }) =>
    [
      LINE,
      `${name} ${version} (${license})`,
      LINE,
      "",
      texts.map((text) => text.trim()).join(`\n\n${"-".repeat(80)}\n\n`),
    ].join("\n"),
  );
  return `${[HEAD, ...parts].join("\n\n")}\n`;
}
