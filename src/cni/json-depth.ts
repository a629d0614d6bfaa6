/** The deepest nesting of arrays and objects that Go's encoding/json reads. */
export const MAX_DEPTH = 10_000;
