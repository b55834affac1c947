import { Gauge, Registry } from 'prom-client'
import type { ServerInfo } from '../protocol/catalogue.ts'
import { gauge } from '../server/metrics.ts'
import type { Operations } from './operations.ts'

/** What the metadata server knows of the tree and of the cluster. */
export function metadataMetrics(operations: Operations): Registry {
  const metrics = new Registry()
  const stats = (): ReturnType<Operations['stats']> => operations.stats()
  gauge(metrics, 'glider_nodes', 'Nodes of all namespaces.', () => stats().nodes)
  gauge(metrics, 'glider_stored_bytes', 'Committed bytes of all nodes.', () => stats().storedBytes)
  gauge(metrics, 'glider_inline_bytes', 'Memory taken by bytes kept with the metadata.', () => stats().inlineBytes)
  gauge(metrics, 'glider_leases', 'Leases of nodes.', () => stats().leases)
  gauge(metrics, 'glider_writers', 'Files, keyvalues and parts of bags that are open for writing.', () => operations.writers)
  gauge(metrics, 'glider_kept_answers', 'Answers that are kept for repeats.', () => stats().keptAnswers)
  gauge(metrics, 'glider_cluster_slots_taken', 'Slots of all active servers with an object.', () => stats().slots.used)
  gauge(metrics, 'glider_cluster_slots_free', 'Slots of all active servers without one.', () => stats().slots.free)
  const servers = (): readonly ServerInfo[] => operations.servers()
  byClass(metrics, 'glider_cluster_blocks', 'Blocks of servers that are not dead.', servers, one => one.capacity)
  byClass(metrics, 'glider_cluster_blocks_used', 'Of them, those that nodes and writers own.', servers, one => one.used)
  byClass(metrics, 'glider_cluster_blocks_free', 'Of them, those that can be handed out.', servers, one => one.free)
  new Gauge({
    name: 'glider_cluster_servers',
    help: 'Storage and active servers.',
    labelNames: ['role', 'state'],
    registers: [metrics],
    collect() {
      this.reset()
      for (const { role, state } of servers()) this.inc({ role, state })
    },
  })
  return metrics
}

function byClass(
  registry: Registry,
  name: string,
  help: string,
  servers: () => readonly ServerInfo[],
  valueOf: (server: ServerInfo) => number,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['class'],
    registers: [registry],
    collect() {
      this.reset()
      for (const server of servers()) {
        if (server.role === 'storage' && server.state !== 'dead') this.inc({ class: server.storageClass }, valueOf(server))
      }
    },
  })
}
