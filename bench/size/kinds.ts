export const directions = ['write', 'read'] as const
export const kinds = ['file', 'action'] as const
export type Direction = (typeof directions)[number]
export type Kind = (typeof kinds)[number]
