import { access, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LOCK_NAME } from '../server/directory-lock.ts'
import { BufferPool } from './buffer-pool.ts'
import { DataDirectory } from './data-directory.ts'
import { DiskStore } from './disk-store.ts'
import { Lane } from './lane.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
})

afterEach(() => rm(folder, { recursive: true }))

test('the space is taken from the disk at the start and given back at the end', async () => {
  const data = path.join(folder, 'made', 'on', 'demand')
  const directory = await DataDirectory.open(data, 4 << 20, 'one')
  const sizes = await Promise.all(directory.files.map(async file => await stat(file.path)))
  expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBe(4 << 20)
  expect(sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0)).toBeGreaterThanOrEqual(4 << 20)
  await directory.close()
  expect(await readdir(data)).toEqual([])
})

test('two servers do not share a directory', async () => {
  const directory = await DataDirectory.open(folder, 1 << 20, 'one')
  await expect(DataDirectory.open(folder, 1 << 20, 'two')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(folder),
  })
  // The one that has it is unharmed.
  for (const file of directory.files) await access(file.path)
  await directory.close()
  await (await DataDirectory.open(folder, 1 << 20, 'two')).close()
})

test('what a dead server left is emptied, and files of others are left alone', async () => {
  await writeFile(path.join(folder, LOCK_NAME), '4194305 1')
  await writeFile(path.join(folder, 'glider-blocks-0'), 'old bytes')
  await writeFile(path.join(folder, 'glider-blocks-77'), 'old bytes')
  await writeFile(path.join(folder, 'letter.txt'), 'mine')
  const directory = await DataDirectory.open(folder, 1 << 20, 'one')
  expect(await readdir(folder)).not.toContain('glider-blocks-77')
  const bytes = Buffer.alloc(9)
  await directory.files[0]!.handle.read(bytes, 0, 9, 0)
  expect(bytes.toString()).not.toContain('old')
  await directory.close()
  expect(await readdir(folder)).toEqual(['letter.txt'])
})

test('a process that got the number of a dead server is not taken for it', async () => {
  await writeFile(path.join(folder, LOCK_NAME), `${process.pid} 1`)
  await (await DataDirectory.open(folder, 1 << 20, 'one')).close()
})

test('a directory that cannot be used, or is too small, is told by its name', async () => {
  const file = path.join(folder, 'file')
  await writeFile(file, '')
  await expect(DataDirectory.open(file, 1 << 20, 'one')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(file),
  })
  await expect(DataDirectory.open(folder, 2 ** 52, 'one')).rejects.toMatchObject({
    code: 'NO_SPACE',
    message: expect.stringMatching(/--capacity/),
  })
  expect(await readdir(folder)).toEqual(['file'])
})

test('a full disk is NO_SPACE and one that fails INTERNAL, naming the file', async () => {
  const full = { path: '/dev/full', handle: await open('/dev/full', 'r+') }
  const store = new DiskStore([full], 4096)
  const write = (): Promise<void> => {
    const place = store.makePlace()
    return store.keep(place, 0, store.land(place, 0, 100))
  }
  await expect(write()).rejects.toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining('/dev/full') })
  await full.handle.close()
  await expect(write()).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('/dev/full') })
  await expect(store.fetch(store.makePlace(), 0, 100)).rejects.toMatchObject({ code: 'INTERNAL' })
  await store.idle()
})

test('a file that somebody has cut is INTERNAL, not a wait for ever', async () => {
  const file = path.join(folder, 'short')
  await writeFile(file, 'short')
  await using handle = await open(file, 'r+')
  const store = new DiskStore([{ path: file, handle }], 4096)
  await expect(store.fetch(store.makePlace(), 0, 100)).rejects.toMatchObject({
    code: 'INTERNAL',
    message: expect.stringContaining(file),
  })
})

test('the store is busy while much is under way, and no longer', async () => {
  const store = new DiskStore([], 1 << 20)
  const place = { file: { path: '', handle: undefined as never }, position: 0, pins: 0, retired: false }
  const landing = Array.from({ length: 65 }, () => store.land(place, 0, 1 << 20))
  expect(store.busy).toBe(true)
  store.drop(landing[0]!)
  expect(store.busy).toBe(false)
})

test('a lane runs so many at a time, in order, and tells when it is idle', async () => {
  const lane = new Lane(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const runs = [0, 1, 2, 3].map(i =>
    lane.run(() => {
      begun.push(i)
      return new Promise<void>(resolve => ends.push(resolve))
    }),
  )
  const failing = lane.run(() => Promise.reject(new Error('one that fails')))
  expect(begun).toEqual([0, 1])
  ends[0]!()
  await runs[0]
  expect(begun).toEqual([0, 1, 2])
  expect(lane.running).toBe(2)
  const idle = lane.idle()
  ends[1]!()
  await runs[1]
  ends[2]!()
  ends[3]!()
  await expect(failing).rejects.toThrow('one that fails')
  await idle
  expect(lane.running).toBe(0)
})

test('memory that was given back is used again', () => {
  const pool = new BufferPool()
  const first = pool.take(5000)
  expect(first.length).toBe(5000)
  pool.give(first)
  const second = pool.take(8192)
  expect(second.buffer).toBe(first.buffer)
  expect(pool.take(8192).buffer).not.toBe(first.buffer)
})
