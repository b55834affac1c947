/**
 * Frees what detached nodes own, in slices, so that no turn of the event loop is long however much was deleted.
 * Always holds: whatever is handed over is freed exactly once, and a small job is done before its call returns.
 */
import type { Clock } from '../protocol/clock.ts'
import { unreachable } from '../protocol/errors.ts'
import type { Block } from './blocks.ts'
import type { Listing } from './listing.ts'
import { type ActionNode, chainLength, chainSlice, type DirectoryNode, type FileNode, type Node } from './node.ts'
import type { BlockSpaces } from './spaces.ts'
import type { Totals } from './totals.ts'
import type { Tree } from './tree.ts'

/** How to end the object of an action node with it: see CONTRACT, Tree. */
export type StopMode = 'wait' | 'abort'

export type StopObject = (node: ActionNode, mode: StopMode) => Promise<void>

export interface ReaperParts {
  readonly clock: Clock
  readonly tree: Tree
  readonly listing: Listing
  readonly blocks: BlockSpaces
  readonly totals: Totals
  readonly stopObject: StopObject
}

/** Nodes and blocks freed in one turn, and at once in the turn of the call. */
const SLICE = 2000
const FIRST_SLICE = 250

type Work =
  | { readonly kind: 'children'; readonly directory: DirectoryNode; readonly children: Iterator<Node> }
  | { readonly kind: 'blocks'; readonly blocks: Block[] }

interface Job {
  readonly mode: StopMode
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
  reap(node: Node, mode: StopMode): Promise<void> | undefined {
    const job: Job = { mode, stack: [], stops: [] }
    this.#visit(node, job)
    return this.#start(job)
  }

  free(blocks: Block[]): void {
    if (blocks.length > 0) void this.#start({ mode: 'wait', stack: [{ kind: 'blocks', blocks }], stops: [] })
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
      const next = work.children.next()
      if (!next.done) this.#visit(next.value, job)
      else {
        job.stack.pop()
        work.directory.children.clear()
        this.#parts.listing.forget(work.directory)
      }
    }
    return left
  }

  #visit(node: Node, job: Job): void {
    this.#parts.tree.forget(node)
    switch (node.type) {
      case 'file':
        this.#freeFile(node, job)
        break
      case 'directory':
        job.stack.push({ kind: 'children', directory: node, children: node.children.values() })
        break
      case 'action':
        if (node.object) job.stops.push(this.#parts.stopObject(node, job.mode))
        break
      default:
        unreachable(node)
    }
  }

  #freeFile(file: FileNode, job: Job): void {
    this.#parts.totals.storedBytes -= file.size
    // The claim stays with its writer, who is still to hear that the file is gone.
    const uncommitted = file.claim?.blocks.splice(0)
    if (uncommitted && uncommitted.length > 0) job.stack.push({ kind: 'blocks', blocks: uncommitted })
    if (chainLength(file.chain) > 0) {
      const blocks = Array.isArray(file.chain) ? file.chain : chainSlice(file.chain, 0, 1)
      job.stack.push({ kind: 'blocks', blocks })
    }
    file.chain = undefined
    file.size = 0
  }
}
