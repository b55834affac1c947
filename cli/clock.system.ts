/** Milliseconds from some fixed moment on; only their differences mean anything. */
export type Stopwatch = () => number

export const systemStopwatch: Stopwatch = () => performance.now()
