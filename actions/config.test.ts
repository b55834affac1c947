import { describe, expect, it } from 'vitest'
import { Action } from './action.ts'
import { configOf } from './config.ts'
import { describeClasses } from './inspect.ts'

describe('the static configuration of a class', () => {
  it('is read with its units, and is inherited', () => {
    class Plain extends Action {}
    class Large extends Action {
      static override interleaved = true
      static override turnTimeout = '30s'
      static override memory = '128MiB'
    }
    class Larger extends Large {
      static override turnTimeout = '2m'
    }
    expect(configOf(Plain)).toEqual({})
    expect(configOf(Large)).toEqual({ interleaved: true, turnTimeoutMs: 30_000, memoryBytes: 128 << 20 })
    expect(describeClasses({ Larger })).toEqual([
      { name: 'Larger', calls: [], interleaved: true, turnTimeoutMs: 120_000, memoryBytes: 128 << 20 },
    ])
  })

  it('is refused with the class and the field where it makes no sense', () => {
    for (const [field, values] of Object.entries({
      interleaved: ['yes', 1, null],
      turnTimeout: ['soon', -1, 0, '0s', null, {}],
      memory: ['128 potatoes', 0, Number.NaN, true],
    })) {
      for (const value of values) {
        class Odd extends Action {}
        Object.assign(Odd, { [field]: value })
        const error = `static ${field} of Odd`
        expect(() => configOf(Odd), `${field} ${JSON.stringify(value)}`).toThrow(
          expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(error) as string }),
        )
      }
    }
  })
})
