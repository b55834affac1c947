import { describe, expect, it } from 'vitest'
import { GliderError } from '../client/index.ts'
import { runCommand } from './command.test.helper.ts'
import { failureOf, shown } from './failure.ts'
import { Interrupted } from './run.ts'

describe('the command', () => {
  it.each([
    [['ls', '--nonsense']],
    [['put', 'only-one-argument']],
    [['mkdir']],
    [['nonsense']],
    [['mv', '/a', '/b', '/c']],
    [['up', '--port', '70000']],
    [['up', '--capacity', 'much']],
    [['up', '--log-level', 'loud']],
    [['demo', '--size', '5x']],
    [['demo', '--workers', '0']],
    [['action', 'create', '/a', 'Merge', '--params', '{']],
    [['action', 'call', '/a', 'size', '{']],
    [['action', 'delete', '/a', '--mode', 'soon']],
    [['ls', '--address', 'garbage']],
    [['ls', '--token', 'a', '--token-file', 'b']],
    [['ls', '--token-file', '/not/there']],
    [['ls', '--tls-ca', '/not/there']],
    [['up', '--turn-timeout', 'soon']],
    [['namespace', 'create', 'a', '--classes', '']],
  ])('exits 2 with one line about wrong usage: %j', async args => {
    const { code, stdout, stderr } = await runCommand(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^glider: INVALID_ARGUMENT: .+\n$/)
  })

  it('shows help on stderr and exits 2 where no command is said', async () => {
    expect(await runCommand([])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: glider') })
    expect(await runCommand(['action'])).toMatchObject({ code: 2, stdout: '' })
  })

  it('shows help and version on stdout and exits 0 where they are asked for', async () => {
    expect(await runCommand(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: glider') })
    expect(await runCommand(['ls', '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('--address <url>') })
    const { stdout } = await runCommand(['up', '--help'])
    expect(stdout).toContain('(default: 10s)')
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it('exits 1 with one line where no server answers', async () => {
    const { code, stdout, stderr } = await runCommand(['ls', '/', '--address', 'http://127.0.0.1:1'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^glider: UNAVAILABLE: .*127\.0\.0\.1:1.*glider up starts a cluster, .*--address.*\n$/)
  })

  it('ends quietly, with the exit code of the signal, where it is interrupted', async () => {
    const signal = AbortSignal.abort(new Interrupted(130))
    expect(await runCommand(['ls'], { signal })).toMatchObject({ code: 130, stdout: '', stderr: '' })
  })
})

describe('an error', () => {
  const oneLine = (error: unknown): string => shown(failureOf(error), {})
  const boom = new GliderError('ACTION_FAILED', 'it threw\n    at a.ts:1\r\n\u001b[31mred')
  boom.stack = 'Error: it threw\n    at go (a.ts:1)\u001b[31m'

  it('is one line with its code, whatever its message is', () => {
    expect(oneLine(boom)).toBe('glider: ACTION_FAILED: it threw; at a.ts:1; \\x1b[31mred\n')
    const missing = Object.assign(new Error("ENOENT: no such file, open 'x'"), { code: 'ENOENT', syscall: 'open' })
    expect(oneLine(missing)).toBe("glider: ENOENT: no such file, open 'x'\n")
    expect(oneLine(new TypeError('ours'))).toBe('glider: INTERNAL: ours\n')
    expect(oneLine('thrown')).toBe('glider: INTERNAL: thrown\n')
  })

  it('shows with --verbose where the code of an action threw, and of other errors no more than ever', () => {
    expect(shown(failureOf(boom), { verbose: true })).toBe(`${oneLine(boom)}Error: it threw\n    at go (a.ts:1)\\x1b[31m\n`)
    const busy = new GliderError('BUSY', 'somebody writes')
    expect(shown(failureOf(busy), { verbose: true })).toBe('glider: BUSY: somebody writes\n')
  })

  it('is one JSON object with --json, with the message as it is', () => {
    const { code, message, stack } = boom
    expect(JSON.parse(shown(failureOf(boom), { json: true }))).toEqual({ error: { code, message } })
    expect(JSON.parse(shown(failureOf(boom), { json: true, verbose: true }))).toEqual({ error: { code, message, stack } })
    const unknown = new GliderError('UNAVAILABLE', 'gone', { outcome: 'unknown' })
    expect(JSON.parse(shown(failureOf(unknown), { json: true }))).toEqual({
      error: { code: 'UNAVAILABLE', message: 'gone', outcome: 'unknown' },
    })
  })

  it('names its operation, where that is followed, for programs and with --verbose', () => {
    const followed = failureOf(new GliderError('BUSY', 'somebody writes', { operation: 'c-1' }))
    expect(JSON.parse(shown(followed, { json: true }))).toEqual({
      error: { code: 'BUSY', message: 'somebody writes', operation: 'c-1' },
    })
    expect(shown(followed, { verbose: true })).toBe('glider: BUSY: somebody writes\noperation c-1\n')
    expect(shown(followed, {})).toBe('glider: BUSY: somebody writes\n')
  })

  it.each([
    [1, ['--json', 'ls', '--address', 'http://127.0.0.1:1'], 'UNAVAILABLE'],
    [2, ['get', '/a', '--json', '--address', 'x:y'], 'INVALID_ARGUMENT'],
    [2, ['ls', '--json', '--token-file', '/not/there'], 'INVALID_ARGUMENT'],
    [2, ['ls', '--nonsense', '--json'], 'INVALID_ARGUMENT'],
    [2, ['--json', 'put', 'only-one-argument'], 'INVALID_ARGUMENT'],
  ])('of a command with --json is on stderr, exit %d: %j', async (exit, args, error) => {
    const { code, stdout, stderr } = await runCommand(args)
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' })
    expect(JSON.parse(stderr)).toEqual({ error: { code: error, message: expect.any(String) } })
  })
})
