/**
 * What stands before the names of the sources in the source map of a bundle, and so in stack traces: a name is relative to the
 * file that was deployed, so that the same code is the same bundle wherever it lies.
 */
export const SOURCE_ROOT = 'bundle:'
