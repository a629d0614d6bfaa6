/** Succeeds without reading anything: ADD stores nothing, so nothing is to be released. */
export function del(): void {}
