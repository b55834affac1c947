import { expect, it } from 'vitest'
import { GliderError } from '../client/index.ts'
import { inTurn } from './in-turn.ts'

const paths = ['/a', '/b', '/c']

/** Fails at one of them. */
async function failAt(failing: string): Promise<{ done: string[]; error: unknown }> {
  const done: string[] = []
  const error = await inTurn(paths, 'made', async path => {
    if (path === failing) throw new GliderError('QUOTA_EXCEEDED', 'there is no room', { outcome: 'unknown' })
    done.push(path)
  }).catch((thrown: unknown) => thrown)
  return { done, error }
}

it('tells where one fails how many were done before it', async () => {
  const { done, error } = await failAt('/c')
  expect(done).toEqual(['/a', '/b'])
  expect(error).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    message: '2 of 3 are made, up to /b; then there is no room',
    outcome: 'unknown',
  })
  expect((await failAt('/b')).error).toMatchObject({ message: '1 of 3 is made, up to /a; then there is no room' })
})

it('says no more than the failure does where nothing was done before it', async () => {
  expect((await failAt('/a')).error).toMatchObject({ message: 'there is no room' })
})
