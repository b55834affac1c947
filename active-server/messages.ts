/**
 * What the network thread and an action thread say to each other. Messages of one turn travel together, in order, as one list
 * of numbers, which is quick to copy; what is not a number lies beside it.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ClassInfo } from '../protocol/catalogue.ts'
import type { WireError } from '../protocol/errors.ts'
import type { Origin } from '../protocol/origin.ts'

/** Each is followed by its numbers. */
export const step = {
  /** stream, slab, offset, length: bytes for a hook, or from one, in shared memory. */
  bytes: 1,
  /** stream, index: bytes for a hook in a buffer of their own, which goes over. */
  owned: 2,
  /** stream: all bytes for the hook have come. */
  end: 3,
  /** stream, slab (−1: none), length: these bytes are no longer needed. */
  free: 4,
  /** index: a message that is an object. */
  message: 5,
  /** stream, slot: a stream to `onWrite` that nobody waits for, and without a key. */
  write: 6,
  /** stream, slot: the same to `onRead`. */
  read: 7,
  /** stream: its hook has returned, and all is well. */
  done: 8,
  /** stream: its hook wants to keep its chunks, so they are to come in buffers of their own. */
  keeps: 9,
  /** stream, index, offset, length: bytes from a hook in shared memory of its own, the one at the index. */
  lent: 10,
} as const

export interface Batch {
  readonly steps: readonly number[]
  readonly objects: readonly unknown[]
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type ToThread =
  | {
      readonly type: 'create'
      readonly request: number
      readonly slot: number
      readonly id: string
      readonly module: string
      readonly class: string
      readonly path: string
      readonly params: unknown
      readonly interleaved: boolean
      readonly origin: Origin
    }
  | {
      readonly type: 'delete'
      readonly request: number
      readonly slot: number
      readonly mode: 'wait' | 'abort'
      readonly origin: Origin
      /** What its streams and calls end with, where it was not deleted. */
      readonly why?: WireError
    }
  | {
      readonly type: 'open'
      readonly direction: 'read' | 'write'
      readonly stream: number
      readonly slot: number
      readonly origin: Origin
      readonly key?: string
    }
  | { readonly type: 'abortStream'; readonly stream: number; readonly error: WireError }
  | {
      readonly type: 'call'
      readonly request: number
      readonly slot: number
      readonly name: string
      readonly value: string
      readonly origin: Origin
    }
  | { readonly type: 'abortCall'; readonly request: number; readonly error: WireError }
  /** Asks for a sign that the thread comes back from its turns. */
  | { readonly type: 'ping' }
  /** Asks how much memory the thread holds, garbage included unless it is to be collected first. */
  | { readonly type: 'measure'; readonly collect: boolean }

/** Which object it comes from: without id and path where nobody knows. */
export interface FromObject {
  readonly id: string
  readonly path: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of the turn that says it, or has left behind what does. */
  readonly operation?: string
}

export type FromThread =
  | { readonly type: 'answered'; readonly request: number; readonly value?: string; readonly error?: WireError }
  | { readonly type: 'streamFailed'; readonly stream: number; readonly error: WireError }
  | { readonly type: 'pong' }
  | { readonly type: 'measured'; readonly bytes: number; readonly collected: boolean }
  | (FromObject & { readonly type: 'uncaught'; readonly error: string })
  | (FromObject & { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly details?: object })
  /** Lines beyond an object's rate, of which so many were uncaught errors. */
  | (FromObject & { readonly type: 'dropped'; readonly lines: number; readonly bytes: number; readonly errors: number })

/** What a thread is started with. */
export interface HostTask {
  readonly port: MessagePort
  /** Shared memory for what comes in; the thread allocates what goes out by itself. */
  readonly incoming: SharedArrayBuffer
  readonly metadata: string
  readonly token: string
  readonly tlsCa: string | undefined
}

/** The first message of a thread: its own shared memory, for what goes out. */
export interface HostReady {
  readonly outgoing: SharedArrayBuffer
}

/** A module that is to be looked at in a thread of its own. */
export interface InspectTask {
  readonly module: string
  /** What was deployed, for messages. */
  readonly file: string
}

export type InspectResult = { readonly classes: ClassInfo[] } | { readonly error: WireError }

/** Gathers what one turn has to say and posts it together. */
export class Outbox {
  readonly #port: MessagePort
  readonly #later: (callback: () => void) => void
  #steps: number[] = []
  #objects: unknown[] = []
  #transfers: ArrayBuffer[] = []
  #scheduled = false

  /** @param later calls back when it is time to post: at the end of a callback, by default, or of a whole turn of the event loop */
  constructor(port: MessagePort, later: (callback: () => void) => void = callback => process.nextTick(callback)) {
    this.#port = port
    this.#later = later
  }

  bytes(stream: number, slab: number, offset: number, length: number): void {
    this.#steps.push(step.bytes, stream, slab, offset, length)
    this.#schedule()
  }

  /** The buffer is gone from this thread afterwards. */
  owned(stream: number, buffer: ArrayBuffer): void {
    this.#objects.push(buffer)
    this.#steps.push(step.owned, stream, this.#objects.length - 1)
    this.#transfers.push(buffer)
    this.#schedule()
  }

  lent(stream: number, bytes: Uint8Array): void {
    this.#objects.push(bytes.buffer)
    this.#steps.push(step.lent, stream, this.#objects.length - 1, bytes.byteOffset, bytes.length)
    this.#schedule()
  }

  end(stream: number): void {
    this.#steps.push(step.end, stream)
    this.#schedule()
  }

  free(stream: number, slab: number, length: number): void {
    this.#steps.push(step.free, stream, slab, length)
    this.#schedule()
  }

  open(direction: 'read' | 'write', stream: number, slot: number): void {
    this.#steps.push(step[direction], stream, slot)
    this.#schedule()
  }

  keeps(stream: number): void {
    this.#steps.push(step.keeps, stream)
    this.#schedule()
  }

  done(stream: number): void {
    this.#steps.push(step.done, stream)
    this.#schedule()
  }

  message(message: ToThread | FromThread): void {
    // Code at the end of its stack may throw in here: then there is an object too many, but never a step without one.
    this.#objects.push(message)
    this.#steps.push(step.message, this.#objects.length - 1)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#later(() => this.flush())
    this.#scheduled = true
  }

  flush(): void {
    this.#scheduled = false
    if (this.#steps.length === 0) return
    const batch: Batch = { steps: this.#steps, objects: this.#objects }
    const transfers = this.#transfers
    this.#steps = []
    this.#objects = []
    this.#transfers = []
    this.#port.postMessage(batch, transfers)
  }
}

/** What a side does with each step that it gets. */
export interface StepHandlers {
  bytes(stream: number, slab: number, offset: number, length: number): void
  owned(stream: number, buffer: ArrayBuffer): void
  lent(stream: number, memory: SharedArrayBuffer, offset: number, length: number): void
  end(stream: number): void
  free(stream: number, slab: number, length: number): void
  open(direction: 'read' | 'write', stream: number, slot: number): void
  done(stream: number): void
  keeps(stream: number): void
  message(message: unknown): void
}

export function forEachStep({ steps, objects }: Batch, handlers: StepHandlers): void {
  for (let i = 0; i < steps.length; ) {
    switch (steps[i]) {
      case step.bytes:
        handlers.bytes(steps[i + 1]!, steps[i + 2]!, steps[i + 3]!, steps[i + 4]!)
        i += 5
        break
      case step.owned:
        handlers.owned(steps[i + 1]!, objects[steps[i + 2]!] as ArrayBuffer)
        i += 3
        break
      case step.lent:
        handlers.lent(steps[i + 1]!, objects[steps[i + 2]!] as SharedArrayBuffer, steps[i + 3]!, steps[i + 4]!)
        i += 5
        break
      case step.end:
        handlers.end(steps[i + 1]!)
        i += 2
        break
      case step.free:
        handlers.free(steps[i + 1]!, steps[i + 2]!, steps[i + 3]!)
        i += 4
        break
      case step.message:
        handlers.message(objects[steps[i + 1]!])
        i += 2
        break
      case step.write:
        handlers.open('write', steps[i + 1]!, steps[i + 2]!)
        i += 3
        break
      case step.read:
        handlers.open('read', steps[i + 1]!, steps[i + 2]!)
        i += 3
        break
      case step.done:
        handlers.done(steps[i + 1]!)
        i += 2
        break
      case step.keeps:
        handlers.keeps(steps[i + 1]!)
        i += 2
        break
      default:
        // A list that makes no sense has no step behind this one that could be found.
        handlers.message(steps[i])
        return
    }
  }
}
