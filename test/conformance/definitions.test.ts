import { randomUUID } from 'node:crypto'
import type { ActionNode } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { deploySource } from './support/actions.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()

const newName = (): string => `conformance-${randomUUID()}`
const says = (word: string, className = 'Says'): string =>
  `import { Action } from 'glider/action'\nexport class ${className} extends Action { static calls = ['say']\n say() { return '${word}' } }\n`

async function make(definition: string): Promise<ActionNode> {
  const node = await deployment.store.create(`${await deployment.directory()}/action`, 'action')
  await node.create(definition)
  return node
}

describe('a bundle', () => {
  it('has a definition for each action class that it exports, and nothing for the rest', async () => {
    const name = newName()
    const source = `${says('word')}
      export class Other extends Action {}
      export default class Third extends Action {}
      class Inner extends Action {}
      export class NoAction {}
      export const number = 1
      export function helper() { return Inner }`
    const bundle = await deploySource(deployment, name, source)
    expect(bundle.name).toBe(name)
    const classes = bundle.classes.map(({ name: className, calls }) => `${className}: ${calls.join()}`).sort()
    expect(classes).toEqual(['Other: ', 'Says: say', 'Third: '])
    expect(await deployment.store.definitions()).toContainEqual(bundle)
    const node = await make(`${name}/Says`)
    expect(await node.call('say')).toBe('word')
    expect((await node.stat()).object).toMatchObject({ definition: `${name}/Says`, version: bundle.version })
    for (const other of ['NoAction', 'helper', 'number', 'Inner']) {
      expect([other, await codeOf(make(`${name}/${other}`))]).toEqual([other, 'NOT_FOUND'])
    }
  })

  it('has a class name alone where only one bundle has it; two are refused, and told', async () => {
    const [one, two] = [newName(), newName()]
    const className = `Says${randomUUID().replaceAll('-', '')}`
    await deploySource(deployment, one, says('one', className))
    expect(await (await make(className)).call('say')).toBe('one')
    await deploySource(deployment, two, says('two', className))
    const failure = await failureOf(make(className))
    expect(failure.code).toBe('INVALID_ARGUMENT')
    for (const name of [one, two]) expect(failure.message).toContain(`${name}/${className}`)
    expect(await (await make(`${two}/${className}`)).call('say')).toBe('two')
  })

  it('deployed twice is one version; a new one serves new objects, and those that live keep theirs', async () => {
    const name = newName()
    const first = await deploySource(deployment, name, says('one'))
    const old = await make(`${name}/Says`)
    expect((await deploySource(deployment, name, says('one'))).version).toBe(first.version)
    const second = await deploySource(deployment, name, says('two'))
    expect(second.version).not.toBe(first.version)
    const fresh = await make(`${name}/Says`)
    expect([await old.call('say'), await fresh.call('say')]).toEqual(['one', 'two'])
    await old.create(`${name}/Says`, { replace: true })
    expect(await old.call('say')).toBe('two')
    expect((await deployment.store.definitions()).filter(bundle => bundle.name === name)).toEqual([second])
  })

  it.each([
    ['does not compile', 'export class A {\n  method( {\n}\n', /source\.ts:\d+:\d+/],
    ['exports no action', 'export class A {}\n', /source\.ts:1:1.*Action/],
    [
      'imports what is not there',
      "\nimport { x } from 'not-there-at-all'\nexport const y = x\n",
      /source\.ts:2:\d+.*not-there-at-all/,
    ],
    [
      'has calls that name no method',
      "import { Action } from 'glider/action'\nexport class A extends Action {\n  static calls = ['b']\n}\n",
      /source\.ts:3:3.*A.*b/,
    ],
    ['throws while it is loaded', `${says('x')}\nthrow new Error('at once')\n`, /source\.ts:5:7.*at once/],
    ['is too large', says('x'.repeat(17 << 20)), /source\.ts:1:1.*bytes/],
  ])('that %s is refused with file, line and reason, and not registered', async (_, source, message) => {
    const name = newName()
    const failure = await failureOf(deploySource(deployment, name, source))
    expect(failure.code).toBe('INVALID_ARGUMENT')
    expect(failure.message).toMatch(message)
    expect((await deployment.store.definitions()).some(bundle => bundle.name === name)).toBe(false)
  })

  it('that is refused leaves the one of its name as it was', async () => {
    const name = newName()
    const first = await deploySource(deployment, name, says('one'))
    await failureOf(deploySource(deployment, name, 'export const x = 1\n'))
    expect(await deployment.store.definitions()).toContainEqual(first)
    expect(await (await make(`${name}/Says`)).call('say')).toBe('one')
  })

  it('is undeployed when no object of it lives, or when forced; objects live on, and no new ones are made', async () => {
    const { store } = deployment
    const name = newName()
    expect(await store.undeploy(name)).toBe(false)
    await deploySource(deployment, name, says('word'))
    const node = await make(`${name}/Says`)
    expect(await failureOf(store.undeploy(name))).toMatchObject({ code: 'BUSY', message: expect.stringContaining('1 object') })
    await node.delete()
    expect(await store.undeploy(name)).toBe(true)
    expect(await codeOf(node.create(`${name}/Says`))).toBe('NOT_FOUND')
    await deploySource(deployment, name, says('again'))
    await node.create(`${name}/Says`)
    expect(await store.undeploy(name, { force: true })).toBe(true)
    expect(await node.call('say')).toBe('again')
    expect(await codeOf(node.create(`${name}/Says`, { replace: true }))).toBe('NOT_FOUND')
    expect(await codeOf(store.undeploy('std'))).toBe('INVALID_ARGUMENT')
    expect(await deployment.post('undeploy', { name })).toEqual({ status: 200, answer: { undeployed: false } })
  })
})
