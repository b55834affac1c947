import { expect, test } from 'vitest'
import { ChunkQueue } from './chunk-queue.ts'
import { GliderError } from './errors.ts'
import type { StreamSink } from './sink.ts'

function recording(): { readonly sink: StreamSink; readonly seen: string[] } {
  const seen: string[] = []
  const sink: StreamSink = {
    place: () => undefined,
    data: (body, placed) => void seen.push(`${body.toString()} ${placed}`),
    end: () => void seen.push('end'),
    failed: error => void seen.push(error.code),
  }
  return { sink, seen }
}

test('what has come before a sink takes over goes to it first, then the end', () => {
  const queue = new ChunkQueue(() => {})
  queue.data(Buffer.from('one'), false)
  queue.data(Buffer.from('two'), false)
  queue.end()
  const { sink, seen } = recording()
  queue.handOver(sink)
  expect(seen).toEqual(['one false', 'two false', 'end'])
})

test('a failure that came behind some bytes is told behind them', () => {
  const queue = new ChunkQueue(() => {})
  queue.data(Buffer.from('one'), false)
  queue.failed(new GliderError('UNAVAILABLE', 'gone'))
  const { sink, seen } = recording()
  queue.handOver(sink)
  expect(seen).toEqual(['one false', 'UNAVAILABLE'])
})
