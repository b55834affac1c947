import type { GliderError } from 'glider'
import { expect } from 'vitest'

/** What a promise is rejected with; it has to be an error of the store. */
export async function failureOf(promise: Promise<unknown>): Promise<GliderError> {
  const error = await promise.then(
    value => {
      throw new Error(`did not fail, but gave ${JSON.stringify(value)}`)
    },
    (thrown: unknown) => thrown as GliderError,
  )
  expect(error).toMatchObject({ name: 'GliderError' })
  return error
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise)).code
}
