/**
 * What the metadata server writes down, so that a restart finds everything that it has acknowledged.
 *
 * The parts tell what has changed; at the end of the turn of the event loop all that is written in one transaction, as it is then.
 * So changes that belong together, and the answer that tells of them, are made in one turn. Nobody is answered before `settled`.
 */
import type { BundleInfo } from '../../protocol/catalogue.ts'
import type { Claim } from '../claim.ts'
import type { Lease } from '../lease.ts'
import type { Member } from '../members.ts'
import type { NamespaceRecord } from '../namespace-record.ts'
import type { BagNode, Node } from '../node.ts'

/** One part of a bag. */
export interface PartOf {
  readonly bag: BagNode
  readonly index: number
}

/** The code of one version of a bundle. */
export interface BundleCode {
  readonly version: string
  readonly bytes: Buffer
}

/** Answers to changing operations that were given in one turn; their record goes when none of them is needed any more. */
export interface AnswerBatch {
  readonly number: number
  readonly answers: KeptAnswer[]
  /** How many are still needed. */
  needed: number
}

export interface KeptAnswer {
  /** Number of the client's. */
  readonly namespace: number
  readonly clientId: string
  readonly sequence: number
  readonly operation: string
  readonly answer: unknown
}

/** What has records, by kind. */
export interface Subjects {
  readonly node: Node
  readonly part: PartOf
  readonly claim: Claim
  readonly lease: Lease
  readonly server: Member
  readonly bundle: BundleInfo
  /** Part of the active servers. */
  readonly builtin: BundleInfo
  readonly code: BundleCode
  readonly answers: AnswerBatch
  readonly namespace: NamespaceRecord
}

export interface Journal {
  /** It is new, or something of it has changed that is to be remembered. A node that was deleted by the end of the turn is not. */
  keep<K extends keyof Subjects>(kind: K, subject: Subjects[K]): void
  drop<K extends keyof Subjects>(kind: K, subject: Subjects[K]): void
  /** The answer is kept, together with what has changed in this turn. */
  answer(answer: KeptAnswer): AnswerBatch
  /** One answer of the batch is no longer needed. */
  forget(batch: AnswerBatch): void
  /** One answer of the batch holds no longer: whoever asks again is to be answered anew. */
  retract(batch: AnswerBatch, answer: Pick<KeptAnswer, 'clientId' | 'sequence' | 'namespace'>): void
  /** The same, where what is kept belongs to a namespace. */
  of(namespace: number): Journal
  /** Settles once everything that has changed so far is written down, rejects where that failed; undefined where it is already. */
  settled(): Promise<void> | undefined
}

const NO_BATCH: AnswerBatch = { number: 0, answers: [], needed: 0 }

/** For a metadata server without a state directory: nothing is written to disk. */
export const noJournal: Journal = {
  keep() {},
  drop() {},
  answer: () => NO_BATCH,
  forget() {},
  retract() {},
  of: () => noJournal,
  settled: () => undefined,
}
