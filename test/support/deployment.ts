/** What the files of a deployment say, and servers that are started as they say it. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { root } from './document.ts'
import { ServerProcess } from './server-process.ts'

/** A service of docker-compose.yml, as far as it is looked at here. */
export interface Service {
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly stop_grace_period?: string
  readonly mem_limit?: string
  readonly depends_on?: unknown
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

export interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly resources: { readonly limits: Readonly<Record<string, string>>; readonly requests: Readonly<Record<string, string>> }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly securityContext: object
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

export interface Workload {
  readonly apiVersion: string
  readonly kind: 'StatefulSet' | 'Deployment'
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>
        readonly annotations: Readonly<Record<string, string>>
      }
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly securityContext: object
        readonly containers: readonly [Container]
        readonly volumes?: readonly { readonly name: string }[]
      }
    }
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
  }
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: unknown
}

export async function readText(...name: string[]): Promise<string> {
  return readFile(path.join(root, ...name), 'utf8')
}

export async function readYaml(...name: string[]): Promise<unknown> {
  return parse(await readText(...name), { merge: true }) as unknown
}

/** docker-compose.yml with these variables in the place of their names, as Compose puts them there. */
export async function readCompose(variables: Readonly<Record<string, string>>): Promise<Compose> {
  const text = (await readText('docker-compose.yml')).replaceAll(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_all, name: string) => {
    const value = variables[name]
    if (value === undefined) throw new Error(`docker-compose.yml asks for ${name}`)
    return value
  })
  return parse(text, { merge: true }) as Compose
}

/** Every manifest of deploy/kubernetes, by its file. */
export async function readManifests(): Promise<Map<string, Manifest[]>> {
  const manifests = new Map<string, Manifest[]>()
  for (const name of await readdir(path.join(root, 'deploy', 'kubernetes'))) {
    const documents = parseAllDocuments(await readText('deploy', 'kubernetes', name))
    manifests.set(
      name,
      [...documents].map(document => document.toJS() as Manifest),
    )
  }
  return manifests
}

/** Starts a command as it stands, but that what is mounted lies in folders of this machine, and names mean addresses of it. */
export function startAs(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  places: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const here = (text: string): string => {
    let moved = text
    for (const [there, place] of Object.entries(places)) moved = moved.replace(there, place)
    return moved
  }
  const [program, ...args] = command.map(here)
  if (program !== 'node') throw new Error(`the image has node, not ${program}`)
  const told = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, here(value)]))
  return ServerProcess.run([process.execPath, ...args], told)
}

/** What a flag says on a command line. */
export function flagOf(command: readonly string[], flag: string): string | undefined {
  const at = command.indexOf(flag)
  return at < 0 ? undefined : command[at + 1]
}
