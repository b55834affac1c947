import { describe, expect, it } from 'vitest'
import { Action } from './action.ts'
import { actionClassesOf } from './inspect.ts'
import * as standard from './standard/index.ts'

class Base extends Action {
  base() {}
}
class Good extends Base {
  static override calls = ['own', 'base']
  own() {}
}

describe('actionClassesOf', () => {
  it('finds the exported action classes with their calls, and ignores all else', () => {
    const found = actionClassesOf({ Good, default: Good, Action, helper: () => 1, text: 'x', nothing: null })
    expect(found).toEqual([{ name: 'Good', Class: Good, calls: ['own', 'base'], config: {} }])
    expect(actionClassesOf({ default: Good }).map(({ name }) => name)).toEqual(['Good'])
    expect(actionClassesOf(standard).map(({ name }) => name)).toEqual([
      'Cache',
      'Counter',
      'Distinct',
      'Filter',
      'Histogram',
      'Join',
      'Merge',
      'Queue',
      'Sample',
      'Sorter',
      'TopK',
      'Topic',
      'WordCount',
    ])
  })

  it('refuses a bundle without any, and calls that name no method', () => {
    expect(() => actionClassesOf({ Action })).toThrow(/extends Action/)
    for (const entry of ['onWrite', 'constructor', 'toString', 'missing', 'path', 7]) {
      class Bad extends Good {
        static override calls = [entry] as string[]
      }
      expect(() => actionClassesOf({ Bad })).toThrow(/static calls of Bad/)
    }
  })
})
