/** What the bare pair speaks: a head of operation and length, then the bytes; a write is answered with 8 bytes. */
export const OP_BYTES = 1 << 20
export const HEAD_BYTES = 8
export const ACK_BYTES = 8
export const op = { write: 1, read: 2 } as const
