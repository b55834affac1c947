import { GliderError } from '../protocol/errors.ts'
import type { ActionClass } from './action.ts'

/** What an action object refuses, each with the path and the remedy. */

export function waitsForItself(path: string): GliderError {
  return new GliderError(
    'BUSY',
    `${path}: the action would wait for its own turn here; make it interleaved, or do not await this`,
  )
}

export function noObject(path: string): GliderError {
  return new GliderError('NO_ACTION_OBJECT', `${path}: the action has no object; make one with create on its node`)
}

export function noSuchCall(path: string, Class: ActionClass, name: string): GliderError {
  const listed = Class.calls?.length ? Class.calls.join(', ') : 'nothing'
  const message = `${path}: ${Class.name} has no call ${JSON.stringify(name)}: its static calls names ${listed}`
  return new GliderError('INVALID_ARGUMENT', message)
}

export function noSuchHook(path: string, Class: ActionClass, name: 'onRead' | 'onWrite'): GliderError {
  const what = name === 'onRead' ? 'read' : 'written'
  return new GliderError('INVALID_ARGUMENT', `${path}: ${Class.name} has no method ${name}, so it cannot be ${what}`)
}
