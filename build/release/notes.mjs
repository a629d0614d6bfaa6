// Release notes: the changes of one version.

/** The section of a version in the changelog, below a line that names the commit. @throws Error if there is none */
export function cutNotes(changelog, { version, commit, date }) {
  const section = changelog.split(/^## /m).find((each) => new RegExp(`^${RegExp.escape(version)}(,.*)?\\n`).test(each));
  const body = section?.slice(section.indexOf("\n")).trim() ?? "";
  if (body === "") throw new Error(`Cannot write release notes: CHANGELOG.md says nothing of ${version}`);
  return `# cni-plugins-ts v${version}\n\nCommit ${commit} of ${date}.\n\n${body}\n`;
}
