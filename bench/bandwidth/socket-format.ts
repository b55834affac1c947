/** What the bare pair of large operations speaks: a head of operation and length, then the bytes; a write is answered with 8 bytes. */
export const HEAD_BYTES = 8
export const ACK_BYTES = 8
export const op = { write: 1, read: 2 } as const
