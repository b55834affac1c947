/** Actions of the suite's own: the classes of test/fixtures/conforming.ts, deployed under a name that nobody else has. */
import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ActionNode, BundleInfo } from 'glider'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { Deployment } from './deployment.ts'

type CreateOptions = NonNullable<Parameters<ActionNode['create']>[1]>

const fixtures = path.join(import.meta.dirname, '..', '..', '..', '..', 'test', 'fixtures')

export interface Actions {
  /** Name of the bundle. */
  readonly bundle: string
  /** An object of one of the classes, in a directory of the test's own. */
  make(className: string, options?: CreateOptions): Promise<ActionNode>
  gate(): Promise<Gate>
}

/** To be called once, at the top of a test file. */
export function deployActions(deployment: Deployment): Actions {
  const bundle = `conformance-${randomUUID()}`
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'glider-conformance-'))
    try {
      await cp(fixtures, folder, { recursive: true })
      await deployment.store.deploy(path.join(folder, 'conforming.ts'), { name: bundle })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
  afterAll(async () => {
    await deployment.store.undeploy(bundle, { force: true })
  })
  const make: Actions['make'] = async (className, options) => {
    const node = await deployment.store.create(`${await deployment.directory()}/action`, 'action')
    await node.create(`${bundle}/${className}`, options)
    return node
  }
  return { bundle, make, gate: async () => new Gate(await make('Gate', { interleaved: true })) }
}

/** Where an action of the suite waits until the test lets it pass. */
export class Gate {
  readonly path: string
  readonly #node: ActionNode

  constructor(node: ActionNode) {
    this.#node = node
    this.path = node.path
  }

  /** Resolves once so many wait under the name, or have passed. */
  async arrived(name: string, count = 1): Promise<void> {
    await this.#node.call('arrived', { name, count })
  }

  async open(name: string): Promise<void> {
    await this.#node.call('open', name)
  }
}

/** Deploys one source under a name of the test's own, undeployed after it. */
export async function deploySource(
  deployment: Deployment,
  name: string,
  source: string,
  file = 'source.ts',
): Promise<BundleInfo> {
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-conformance-'))
  try {
    await writeFile(path.join(folder, file), source)
    const bundle = await deployment.store.deploy(path.join(folder, file), { name })
    onTestFinished(async () => {
      await deployment.store.undeploy(name, { force: true })
    })
    return bundle
  } finally {
    await rm(folder, { recursive: true })
  }
}
