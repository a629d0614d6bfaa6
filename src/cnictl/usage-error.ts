/** The command line makes no sense: answered with usage and exit code 2. */
export class UsageError extends Error {}
