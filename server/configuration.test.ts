import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const mainOf = (role: string): string => fileURLToPath(new URL(`../${role}-server/main.js`, import.meta.url))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'glider-configuration-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** Runs a server until it exits by itself. */
function run(
  flags: readonly string[],
  env: NodeJS.ProcessEnv = {},
  role = 'metadata',
): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [mainOf(role), ...flags], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr })
    })
  })
}

async function file(name: string, content: string): Promise<string> {
  const at = path.join(folder, name)
  await writeFile(at, content)
  return at
}

async function printed(flags: readonly string[], env?: NodeJS.ProcessEnv, role?: string): Promise<Record<string, unknown>> {
  const { status, stdout } = await run([...flags, '--print-config'], env, role)
  expect(status).toBe(0)
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('what a server is told', () => {
  test('is taken from the command line, else the environment, else the file, else the defaults', async () => {
    const config = await file(
      'all.json',
      '{"port": 1, "dead-after": "7s", "block-size": "2MiB", "classes": ["a", "b"], "spin": true}',
    )
    const told = await printed(['--config', config, '--port', '3'], { GLIDER_PORT: '2', GLIDER_DEAD_AFTER: '9s' })
    expect(told).toMatchObject({
      port: 3,
      'dead-after': '9000ms',
      'block-size': 2 << 20,
      classes: ['a', 'b'],
      spin: true,
      host: '127.0.0.1',
    })
  })

  test('is printed so that it says the same when it is read again', async () => {
    const told = await printed(['--port', '0', '--inline-limit', '0', '--sync', '--state-dir', folder])
    const again = await file('again.json', JSON.stringify(told))
    expect(await printed(['--config', again])).toEqual(told)
  })

  test.each([
    [
      'metadata',
      { 'cluster-secret-file': 'secret', 'tls-cert': 'c', 'tls-key': 'k', 'tls-ca': 'a', 'admin-token-file': 'admin' },
    ],
    ['storage', { 'cluster-secret-file': 'secret', 'tls-cert': 'c', 'tls-key': 'k', 'tls-ca': 'a' }],
    ['active', { 'cluster-secret-file': 'secret', 'tls-cert': 'c', 'tls-key': 'k', 'tls-ca': 'a', namespace: 'mine' }],
  ])('of secrets and TLS is told to a %s server in all ways, and is in its help', async (role, told) => {
    const { stdout: help } = await run(['--help'], {}, role)
    const names = Object.entries(told)
    for (const [name] of names) expect(help).toContain(`--${name} <`)
    expect(await printed(['--config', await file(`${role}.json`, JSON.stringify(told))], {}, role)).toMatchObject(told)
    const env = Object.fromEntries(names.map(([name, value]) => [`GLIDER_${name.toUpperCase().replaceAll('-', '_')}`, value]))
    expect(await printed([], env, role)).toMatchObject(told)
    expect(
      await printed(
        names.flatMap(([name, value]) => [`--${name}`, value]),
        {},
        role,
      ),
    ).toMatchObject(told)
  })

  test('in the environment is true or false where it is a switch, and goes before the file', async () => {
    const config = await file('switches.json', '{"spin": true, "sync": false}')
    const told = await printed(['--config', config], { GLIDER_SPIN: 'false', GLIDER_SYNC: '1' })
    expect(told).toMatchObject({ spin: false, sync: true })
    expect(await printed(['--spin'], { GLIDER_SPIN: '0' })).toMatchObject({ spin: true, sync: false })
    const { status, stderr } = await run([], { GLIDER_SYNC: 'never' })
    expect([status, stderr]).toEqual([2, expect.stringContaining('GLIDER_SYNC=never: It has to be true or false.')])
  })

  test('in the environment is not given where it is empty', async () => {
    const config = await file('empty.json', '{"spin": true, "port": 7}')
    const told = await printed(['--config', config], { GLIDER_SPIN: '', GLIDER_PORT: '', GLIDER_TLS_CERT: '', GLIDER_SYNC: '' })
    expect(told).toMatchObject({ spin: true, port: 7, sync: false })
    expect(told).not.toHaveProperty('tls-cert')
  })

  test('on the command line and makes no sense is refused by name, and with 2', async () => {
    const { status, stderr } = await run(['--metadata', 'garbage'], {}, 'storage')
    expect([status, stderr]).toEqual([2, expect.stringMatching(/--metadata.*"garbage" is no address: write host:port/)])
  })

  test('as a secret is not printed', async () => {
    const secret = 'a secret that nobody sees who prints what holds'
    const secretFile = await file('cluster-secret', secret)
    const env = { GLIDER_CLUSTER_SECRET: secret, GLIDER_ADMIN_TOKEN: secret }
    const { stdout, stderr } = await run(['--cluster-secret-file', secretFile, '--print-config'], env)
    expect(JSON.parse(stdout)).toMatchObject({ 'cluster-secret-file': secretFile })
    expect(stdout + stderr).not.toContain(secret)
  })

  test.each([
    ['{"prot": 9060}', 'there is no "prot": see --help for the names'],
    ['{"port": 70000}', '"port": It has to be a whole number from 0 to 65535.'],
    ['{"dead-after": true}', '"dead-after": It has to be a string or a number.'],
    ['{"spin": "yes"}', '"spin": It has to be true or false.'],
    ['{"log-level": "loud"}', '"log-level": Allowed choices are'],
    ['[1]', 'holds no JSON object'],
    ['{', 'cannot be read'],
  ])('in a file with %s is refused', async (content, complaint) => {
    const config = await file('bad.json', content)
    const { status, stderr } = await run(['--config', config])
    expect(status).toBe(2)
    expect(stderr).toContain(config)
    expect(stderr).toContain(complaint)
  })

  test('as the time to drain is 30 s unless told otherwise, and refused where it is no time', async () => {
    expect(await printed([])).toMatchObject({ drain: '30000ms' })
    expect(await printed([], { GLIDER_DRAIN: '2m' })).toMatchObject({ drain: '120000ms' })
    expect(await printed(['--config', await file('drain.json', '{"drain": "0s"}')])).toMatchObject({ drain: '0ms' })
    const { status, stderr } = await run(['--drain', 'soon'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/--drain.*is not a time: write it like 10s/)
  })

  test('in a file that is not there is refused', async () => {
    const { status, stderr } = await run([], { GLIDER_CONFIG: path.join(folder, 'none.json') })
    expect(status).toBe(2)
    expect(stderr).toContain('none.json cannot be read')
  })
})
