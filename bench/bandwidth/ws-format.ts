/** What the bare pair of WebSockets speaks: a message of one byte asks for a piece and is answered with it; a piece is answered with one byte. */
export const OP_BYTES = 1 << 20
export const IN_FLIGHT = 8
