/** `glider/action`: what authors of actions use. */
export { type ErrorCode, GliderError } from '../protocol/errors.ts'
export { Action, type ActionClass, type Log } from './action.ts'
export type { ActionInput } from './input.ts'
export type { ActionOutput } from './output.ts'
export type { StoreClient } from './store.ts'
