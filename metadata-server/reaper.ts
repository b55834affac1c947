/**
 * Frees what detached nodes own, in slices, so that no turn of the event loop is long however much was deleted.
 * Always holds: whatever is handed over is freed exactly once, and a small job is done before its call returns.
 */
import type { Clock } from '../protocol/clock.ts'
import { unreachable } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'
import type { Block } from './blocks.ts'
import type { Journal } from './journal/journal.ts'
import type { LeaseTable } from './lease-table.ts'
import { type ActionNode, type BagNode, type BytesNode, chainBlocks, type Node, type ParentNode, type Part } from './node.ts'
import type { BlockSpaces } from './spaces.ts'
import { inlineCost, type Totals } from './totals.ts'
import type { Tree } from './tree.ts'

/** How to end the object of an action node with it: see CONTRACT, Tree. */
export type StopMode = 'wait' | 'abort'

export type StopObject = (node: ActionNode, mode: StopMode, origin?: Origin) => Promise<void>

export interface ReaperParts {
  readonly clock: Clock
  readonly tree: Tree
  readonly blocks: BlockSpaces
  readonly totals: Totals
  readonly leases: LeaseTable
  readonly stopObject: StopObject
  readonly journal: Journal
}

/** Nodes and blocks freed in one turn, and at once in the turn of the call. */
const SLICE = 2000
const FIRST_SLICE = 250

type Work =
  | { readonly kind: 'nodes'; readonly nodes: Node[] }
  | { readonly kind: 'children'; readonly parent: ParentNode; readonly children: Iterator<Node> }
  | { readonly kind: 'parts'; readonly bag: BagNode; readonly parts: Part[] }
  | { readonly kind: 'blocks'; readonly blocks: Block[] }

interface Job {
  readonly mode: StopMode
  readonly origin?: Origin | undefined
  readonly stack: Work[]
  readonly stops: Promise<void>[]
  done?: () => void
}

export class Reaper {
  readonly #parts: ReaperParts
  readonly #jobs: Job[] = []

  constructor(parts: ReaperParts) {
    this.#parts = parts
  }

  /** Resolves when everything below a detached node is free and its objects are gone; undefined where that is so already. */
  reap(node: Node, mode: StopMode, origin?: Origin): Promise<void> | undefined {
    const job: Job = { mode, origin, stack: [], stops: [] }
    this.#visit(node, job)
    return this.#start(job)
  }

  /** The same for many at once; from here on the list is the reaper's. */
  reapAll(nodes: Node[], mode: StopMode): Promise<void> | undefined {
    return this.#start({ mode, stack: [{ kind: 'nodes', nodes }], stops: [] })
  }

  free(blocks: Block[]): void {
    if (blocks.length > 0) void this.#start({ mode: 'wait', stack: [{ kind: 'blocks', blocks }], stops: [] })
  }

  /** Resolves when everything is free that was handed over so far. */
  settled(): Promise<void> {
    if (this.#jobs.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#jobs.push({ mode: 'wait', stack: [], stops: [], done: resolve }))
  }

  #start(job: Job): Promise<void> | undefined {
    this.#work(job, FIRST_SLICE)
    if (job.stack.length === 0) return job.stops.length === 0 ? undefined : Promise.all(job.stops).then(() => undefined)
    const freed = new Promise<void>(resolve => {
      job.done = resolve
    })
    this.#jobs.push(job)
    if (this.#jobs.length === 1) this.#parts.clock.soon(() => this.#turn())
    return freed.then(() => Promise.all(job.stops)).then(() => undefined)
  }

  #turn(): void {
    let left = SLICE
    for (let job = this.#jobs[0]; job && left > 0; job = this.#jobs[0]) {
      left = this.#work(job, left)
      if (job.stack.length > 0) break
      this.#jobs.shift()
      job.done?.()
    }
    if (this.#jobs.length > 0) this.#parts.clock.soon(() => this.#turn())
  }

  /** Answers what is left of the budget. */
  #work(job: Job, budget: number): number {
    let left = budget
    for (let work = job.stack.at(-1); work && left > 0; work = job.stack.at(-1)) {
      left -= 1
      if (work.kind === 'blocks') {
        const block = work.blocks.pop()
        if (block) this.#parts.blocks.give(block)
        else job.stack.pop()
        continue
      }
      if (work.kind === 'nodes') {
        const node = work.nodes.pop()
        if (node) this.#visit(node, job)
        else job.stack.pop()
        continue
      }
      if (work.kind === 'parts') {
        const part = work.parts.pop()
        if (part) {
          this.#parts.journal.drop('part', { bag: work.bag, index: work.parts.length })
          job.stack.push({ kind: 'blocks', blocks: chainBlocks(part.chain) })
        } else job.stack.pop()
        continue
      }
      const next = work.children.next()
      if (!next.done) this.#visit(next.value, job)
      else {
        job.stack.pop()
        work.parent.children.clear()
      }
    }
    return left
  }

  #visit(node: Node, job: Job): void {
    this.#parts.tree.forget(node)
    this.#parts.leases.drop(node)
    switch (node.type) {
      case 'file':
        // The claim stays with its writer, who is still to hear that the file is gone.
        if (node.claim) this.#freeBlocks(node.claim.blocks.splice(0), job)
        this.#freeBytes(node, job)
        break
      case 'keyvalue':
        this.#freeBytes(node, job)
        break
      case 'bag':
        this.#freeBag(node, job)
        break
      case 'directory':
      case 'table':
        job.stack.push({ kind: 'children', parent: node, children: node.children.from(0) })
        break
      case 'action':
        if (node.object) job.stops.push(this.#parts.stopObject(node, job.mode, job.origin))
        break
      default:
        unreachable(node)
    }
  }

  #freeBytes(node: BytesNode, job: Job): void {
    const { totals } = this.#parts
    totals.storedBytes -= node.size
    totals.inlineBytes -= inlineCost(node.inline)
    this.#freeBlocks(chainBlocks(node.chain), job)
    node.chain = undefined
    node.inline = undefined
    node.size = 0
  }

  #freeBag(bag: BagNode, job: Job): void {
    this.#parts.totals.storedBytes -= bag.size
    for (const claim of bag.claims) this.#freeBlocks(claim.blocks.splice(0), job)
    job.stack.push({ kind: 'parts', bag, parts: bag.parts })
    bag.parts = []
    bag.size = 0
  }

  #freeBlocks(blocks: Block[], job: Job): void {
    if (blocks.length > 0) job.stack.push({ kind: 'blocks', blocks })
  }
}
