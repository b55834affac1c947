/** The standard library of actions: the bundle `std` of every cluster. */
export { Counter } from './counter.ts'
export { Filter } from './filter.ts'
export { Merge } from './merge.ts'
export { Sorter } from './sorter.ts'
