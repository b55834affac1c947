/** The part of the catalogue that is about the bytes of files, keyvalues and bags; see metadata-server/file-writes.ts and beside it. */
import Type from 'typebox'
import { defineOperation } from './operation.ts'
import { blockChain, count, location, nodeId, nodeInfo, openedRead, path, storageClass, target } from './schemas.ts'
import { getAnswer, getHead, putAnswer, putHead } from './value-heads.ts'

export const byteOperations = {
  openWrite: defineOperation('openWrite', {
    code: 8,
    server: 'metadata',
    changes: true,
    bytes: 'body',
    summary: 'Opens a file, a keyvalue or a new part of a bag for writing, and hands out its first blocks.',
    head: Type.Object({
      ...target,
      /**
       * - `replace`: new blocks, which take the place of the old ones at the closing commit.
       * - `put`: the same, and the commit creates the file where there is none, or the keyvalue where its parent is a table.
       * - `append`: the committed blocks and new ones behind them; each commit publishes. To a bag, a part, at the closing commit.
       * - `update`: the same as to a file, for writes in place.
       *
       * A file has one writer at a time; of a keyvalue's the last one wins; a bag has any number.
       *
       * Where a file that is kept inline is written in place, its bytes are the body of the answer, and there is no block of
       * it among the locations: whoever writes puts them into the first block, and says so with `moved` when it commits.
       */
      mode: Type.Enum(['replace', 'put', 'append', 'update']),
      parents: Type.Optional(Type.Boolean()),
      storageClass: Type.Optional(storageClass),
      near: Type.Optional(path),
      /** How many new blocks to hand out with the claim. */
      blocks: Type.Optional(Type.Integer({ minimum: 0, maximum: 256 })),
    }),
    answer: Type.Object({
      claim: Type.String(),
      path,
      blockBytes: count,
      /** Committed length that the writer starts from: 0 unless it appends or updates. */
      size: count,
      /** Chain index of the first location: with append and update, the block that `size` falls into. */
      first: count,
      ...blockChain,
    }),
  }),
  extend: defineOperation('extend', {
    code: 9,
    server: 'metadata',
    changes: true,
    summary: 'Hands out the next blocks of a claim.',
    head: Type.Object({ claim: Type.String(), blocks: Type.Integer({ minimum: 1, maximum: 256 }) }),
    answer: Type.Object(blockChain),
  }),
  replaceBlock: defineOperation('replaceBlock', {
    code: 28,
    server: 'metadata',
    changes: true,
    summary:
      'Another block for one of a claim that nothing was written to and whose server cannot be reached; the same while it may be.',
    head: Type.Object({ claim: Type.String(), location }),
    answer: Type.Object(blockChain),
  }),
  commit: defineOperation('commit', {
    code: 10,
    server: 'metadata',
    changes: true,
    summary: 'Publishes the length written under a claim; with `close`, ends the claim and gives unused blocks back.',
    head: Type.Object({
      claim: Type.String(),
      size: count,
      close: Type.Boolean(),
      /** The bytes that the file had inline are in its first block now. */
      moved: Type.Optional(Type.Boolean()),
    }),
    answer: nodeInfo,
  }),
  release: defineOperation('release', {
    code: 11,
    server: 'metadata',
    changes: true,
    summary: 'Ends a claim without publishing anything more.',
    head: Type.Object({ claim: Type.String() }),
    answer: Type.Object({}),
  }),
  openRead: defineOperation('openRead', {
    code: 12,
    server: 'metadata',
    bytes: 'body',
    summary:
      'The committed length of a file or keyvalue, its version, and its bytes, as a body, or the locations of its first blocks.',
    head: Type.Object({
      ...target,
      /** Byte that the reader starts from: locations begin with the block that holds it. */
      start: Type.Optional(count),
      blocks: Type.Optional(Type.Integer({ minimum: 0, maximum: 256 })),
    }),
    answer: openedRead,
  }),
  locate: defineOperation('locate', {
    code: 13,
    server: 'metadata',
    summary:
      'More locations of a version of a file; BLOCK_GONE once another has taken its place, NOT_FOUND for the claim of a writer.',
    head: Type.Object({
      node: nodeId,
      version: count,
      /** Whose locations are for writing, too. */
      claim: Type.Optional(Type.String()),
      first: count,
      blocks: Type.Integer({ minimum: 1, maximum: 256 }),
    }),
    answer: Type.Object(blockChain),
  }),

  put: defineOperation('put', {
    code: 30,
    server: 'metadata',
    changes: true,
    bytes: 'body',
    summary: 'Creates or replaces a small file, or a keyvalue below a table, with the body as its bytes.',
    head: Type.Object({
      ...target,
      parents: Type.Optional(Type.Boolean()),
      storageClass: Type.Optional(storageClass),
      near: Type.Optional(path),
    }),
    answer: Type.Object({
      /** False where the bytes are not kept inline, because of their size or for want of memory: write them to blocks. */
      stored: Type.Boolean(),
      /** Up to how many bytes are kept inline. */
      inlineBytes: count,
    }),
    headCodec: putHead,
    answerCodec: putAnswer,
  }),
  get: defineOperation('get', {
    code: 31,
    server: 'metadata',
    bytes: 'body',
    summary: 'The bytes of a small file or keyvalue, as a body.',
    head: Type.Object({ ...target, blocks: Type.Optional(Type.Integer({ minimum: 0, maximum: 256 })) }),
    /** Of what is not kept inline, where it is. */
    answer: Type.Object({ opened: Type.Optional(openedRead) }),
    headCodec: getHead,
    answerCodec: getAnswer,
  }),
  locateParts: defineOperation('locateParts', {
    code: 32,
    server: 'metadata',
    summary: 'The blocks of all parts of a bag, part after part; pass `next` and `parts` back for those behind them.',
    head: Type.Object({
      ...target,
      /** Only the first so many parts. @default those committed by now */
      parts: Type.Optional(count),
      /** Where to go on: a part, and a block of it. */
      next: Type.Optional(Type.Tuple([count, count])),
      blocks: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    }),
    answer: Type.Object({
      node: nodeId,
      path,
      parts: count,
      /** Bytes used of each block of `locations`, from its beginning. */
      lengths: Type.Array(count),
      ...blockChain,
      /** Absent where these are the last ones. */
      next: Type.Optional(Type.Tuple([count, count])),
    }),
  }),
} as const
