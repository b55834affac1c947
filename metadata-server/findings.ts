import type { Finding, FindingKind, FsckReport } from '../protocol/catalogue.ts'
import type { Node } from './node.ts'

/** Examples of each kind; and what all of them may take, since a report has to fit into the head of one frame. */
const MOST_EXAMPLES = 10
const MOST_BYTES = 40 << 10

/** Counts what is found, and keeps the first of each kind. */
export class Findings {
  readonly unchecked = new Set<string>()
  repaired = 0
  readonly #found = { orphanedBlocks: 0, doublyOwnedBlocks: 0, lostBlocks: 0, lostBytes: 0, leakedSlots: 0, wrongCounts: 0 }
  readonly #examples: Finding[] = []
  readonly #byKind = new Map<FindingKind, number>()
  /** Lost data is told by node and server. */
  readonly #losses = new Map<Node, Map<string, { bytes?: number }>>()
  #bytes = 0

  orphanedBlock(server: string, block: number, bytes: number, what: string): void {
    this.#found.orphanedBlocks += 1
    this.#keep('orphanedBlock', () => ({ what, server, block, bytes, remedy: 'fsck with repair frees it' }))
  }

  doublyOwnedBlock(server: string, block: number, path: string, what: string): void {
    this.#found.doublyOwnedBlocks += 1
    const remedy = 'its bytes may be those of another node: write it anew, or delete it'
    this.#keep('doublyOwnedBlock', () => ({ what, server, block, path, remedy }))
  }

  lostData(node: Node, path: string, server: string, block: number, bytes: number, why: string): void {
    this.#found.lostBlocks += 1
    this.#found.lostBytes += bytes
    const known = this.#losses.get(node)?.get(server)
    if (known) {
      known.bytes = (known.bytes ?? 0) + bytes
      return
    }
    const what = `bytes of ${path} are lost: ${why}`
    const example = this.#keep('lostData', () => ({ what, server, path, block, bytes, remedy: 'replace or delete it' }))
    if (!example) return
    const byServer = this.#losses.get(node) ?? new Map<string, Finding>()
    this.#losses.set(node, byServer.set(server, example))
  }

  leakedSlot(server: string, slot: number, what: string): void {
    this.#found.leakedSlots += 1
    this.#keep('leakedSlot', () => ({ what, server, slot, remedy: 'fsck with repair frees it' }))
  }

  wrongCount(server: string, what: string): void {
    this.#found.wrongCounts += 1
    const remedy = 'a defect of the metadata server: drain and remove the server'
    this.#keep('wrongCount', () => ({ what, server, remedy }))
  }

  report(checked: FsckReport['checked']): FsckReport {
    const { orphanedBlocks, doublyOwnedBlocks, lostBlocks, leakedSlots, wrongCounts } = this.#found
    const left = orphanedBlocks + doublyOwnedBlocks + lostBlocks + leakedSlots + wrongCounts - this.repaired
    return {
      clean: left === 0 && this.unchecked.size === 0,
      checked,
      unchecked: [...this.unchecked],
      found: { ...this.#found },
      repaired: this.repaired,
      findings: this.#examples,
    }
  }

  /** Answers what was kept. Of the many that are not, nothing is made. */
  #keep(kind: FindingKind, make: () => Omit<Finding, 'kind'>): Finding | undefined {
    const ofKind = this.#byKind.get(kind) ?? 0
    if (ofKind >= MOST_EXAMPLES) return undefined
    const finding: Finding = { kind, ...make() }
    const bytes = Buffer.byteLength(JSON.stringify(finding))
    if (this.#bytes + bytes > MOST_BYTES) return undefined
    this.#byKind.set(kind, ofKind + 1)
    this.#bytes += bytes
    this.#examples.push(finding)
    return finding
  }
}
