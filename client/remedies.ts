export { type Remedy, remedies } from '../protocol/remedies.ts'
