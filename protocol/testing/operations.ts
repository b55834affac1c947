import Type from 'typebox'
import { defineOperation } from '../operation.ts'

const text = Type.Object({ text: Type.String() })
const shared = { server: 'metadata', summary: 'For tests.' } as const

/** One operation of each shape, with numbers that the catalogue does not use. */
export const testOperations = {
  echo: defineOperation('echo', { ...shared, code: 901, head: text, answer: text }),
  body: defineOperation('body', { ...shared, code: 902, bytes: 'body', head: text, answer: Type.Object({}) }),
  upload: defineOperation('upload', {
    ...shared,
    code: 903,
    bytes: 'upload',
    head: text,
    answer: Type.Object({ bytes: Type.Integer() }),
  }),
  download: defineOperation('download', { ...shared, code: 904, bytes: 'download', head: text, answer: Type.Object({}) }),
  raw: defineOperation('raw', { ...shared, code: 905, bytes: 'body', head: Type.Object({}), answer: Type.Object({}) }),
}
