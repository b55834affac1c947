import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { GliderError } from '../client/index.ts'
import { Exit } from './exit.ts'
import { addGlobalFlags, type GlobalFlags, globalFlagsOf } from './global-flags.ts'

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-flags-'))
  file = path.join(folder, 'token')
  await writeFile(file, 'in-the-file\n')
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => void vi.unstubAllEnvs())

function flagsOf(args: string[], environment: Record<string, string> = {}): GlobalFlags {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  const program = new Command('glider').exitOverride().configureOutput({ writeErr: () => undefined })
  addGlobalFlags(program)
  program.parse(args, { from: 'user' })
  return globalFlagsOf(program)
}

/** What a user is told who is using it wrongly. */
function complaintOf(ask: () => unknown): string {
  try {
    ask()
  } catch (error) {
    if (error instanceof Exit && error.exitCode === 2) return (error.cause as GliderError).message
    throw error
  }
  return 'none'
}

describe('who is asking', () => {
  it('is told by the command line before the environment, whichever way it is', () => {
    expect(flagsOf(['--token-file', file], { GLIDER_TOKEN: 'of-the-environment' }).token()).toBe('in-the-file')
    vi.unstubAllEnvs()
    expect(flagsOf(['--token', 'said'], { GLIDER_TOKEN_FILE: file }).token()).toBe('said')
    vi.unstubAllEnvs()
    expect(flagsOf([], { GLIDER_TOKEN_FILE: file }).token()).toBe('in-the-file')
    expect(flagsOf(['--token', 'said'], { GLIDER_TOKEN: 'of-the-environment' }).token()).toBe('said')
  })

  it('is not guessed where it is said in both ways at once', () => {
    const both = flagsOf(['--token', 'said', '--token-file', file])
    expect(complaintOf(() => both.token())).toMatch(/--token and --token-file/)
    const set = flagsOf([], { GLIDER_TOKEN: 'x', GLIDER_TOKEN_FILE: file })
    expect(complaintOf(() => set.token())).toMatch(/GLIDER_TOKEN and GLIDER_TOKEN_FILE/)
    // What needs no token is not kept from running.
    expect(set.json).toBe(false)
  })

  it('is nobody where what the environment says is empty', () => {
    expect(flagsOf([], { GLIDER_TOKEN: '', GLIDER_TOKEN_FILE: '' }).token()).toBeUndefined()
    expect(flagsOf([], { GLIDER_TOKEN: '', GLIDER_TOKEN_FILE: file }).token()).toBe('in-the-file')
  })

  it('is wrong usage where its file cannot be read, or has none', () => {
    const missing = flagsOf(['--token-file', path.join(folder, 'none')])
    expect(complaintOf(() => missing.token())).toMatch(/none.*--token-file/)
    expect(complaintOf(() => flagsOf(['--token-file', '/dev/null']).token())).toMatch(/has no token.*--token-file/)
  })
})

it('whom to trust is wrong usage where the file has no certificate', () => {
  expect(complaintOf(() => flagsOf(['--tls-ca', file]).tlsCa())).toMatch(/token has no certificate.*--tls-ca/)
  expect(flagsOf([], { GLIDER_TLS_CA: '' }).tlsCa()).toBeUndefined()
})

it('an address is one, also that of the environment, unless it is empty', () => {
  for (const wrong of ['garbage', 'http://host', 'ftp://host:1', 'host:99999']) {
    expect(() => flagsOf(['--address', wrong])).toThrow(/--address .*http:\/\/host:port/)
  }
  expect(() => flagsOf([], { GLIDER_ADDRESS: 'garbage' })).toThrow(CommanderError)
  expect(flagsOf([], { GLIDER_ADDRESS: '' }).address).toBe('http://127.0.0.1:9060')
  expect(flagsOf(['--address', 'wss://[::1]:9060']).address).toBe('wss://[::1]:9060')
})

it('operations have ids where the environment says so, and not where it denies it', () => {
  for (const [said, isOn] of [
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
    ['', false],
  ] as const) {
    expect(flagsOf([], { GLIDER_OPERATION_IDS: said }).operationIds).toBe(isOn)
  }
  expect(flagsOf(['--operation-ids']).operationIds).toBe(true)
})
