export function writeChecksums(folder: string): void;
