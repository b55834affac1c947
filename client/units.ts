/** Sizes and times as people write and read them, for the command; programs have numbers, so `glider` does not export these. */
export { countOf, formatSize, parseDuration, parseSize } from '../protocol/units.ts'
