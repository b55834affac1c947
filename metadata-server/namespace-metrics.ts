import { Counter, Gauge, Registry } from 'prom-client'
import type { NamespaceInfo } from '../protocol/catalogue.ts'

type Usage = NamespaceInfo['usage']

const names = ['namespace'] as const

/** What each namespace holds and has had, for those who may know of all of them. */
export function namespaceMetrics(all: () => Iterable<readonly [name: string, usage: Usage]>): Registry {
  const registry = new Registry()
  const held = (name: string, help: string, value: (usage: Usage) => number): void => {
    new Gauge({
      ...{ name: `glider_namespace_${name}`, help, labelNames: names, registers: [registry] },
      collect() {
        this.reset()
        for (const [namespace, usage] of all()) this.set({ namespace }, value(usage))
      },
    })
  }
  const had = (name: string, help: string, value: (consumed: Usage['consumed']) => number): void => {
    new Counter({
      ...{ name: `glider_namespace_${name}_total`, help, labelNames: names, registers: [registry] },
      collect() {
        this.reset()
        for (const [namespace, { consumed }] of all()) this.inc({ namespace }, value(consumed))
      },
    })
  }
  held('nodes', 'Nodes.', ({ nodes }) => nodes)
  held('stored_bytes', 'Committed bytes.', ({ storedBytes }) => storedBytes)
  held('blocks', 'Blocks taken.', ({ blocks }) => blocks)
  held('slots', 'Slots taken.', ({ slots }) => slots)
  had('inline_byte_seconds', 'Bytes kept with the metadata, times seconds.', ({ inlineByteSeconds }) => inlineByteSeconds)
  had('slot_seconds', 'Slots taken, times seconds.', ({ slotSeconds }) => slotSeconds)
  had('operations', 'Requests and streams.', ({ operations }) => operations)
  had('received_bytes', 'Bytes of nodes from clients and actions.', ({ bytesIn }) => bytesIn)
  had('sent_bytes', 'Bytes of nodes to clients and actions.', ({ bytesOut }) => bytesOut)
  had('action_seconds', 'Time that actions had their threads busy.', ({ actionMs }) => actionMs / 1000)
  new Counter({
    name: 'glider_namespace_stored_byte_seconds_total',
    help: 'Bytes of blocks taken, times seconds, by storage class.',
    labelNames: ['namespace', 'class'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [namespace, { consumed }] of all())
        for (const [name, value] of Object.entries(consumed.byteSeconds)) this.inc({ namespace, class: name }, value)
    },
  })
  return registry
}
