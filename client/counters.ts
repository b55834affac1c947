import type { Counters } from '../actions/store.ts'

/** What a client has moved; its parts count here. */
export class TransferCounters implements Counters {
  bytesSent = 0
  bytesReceived = 0
  transfers = 0

  snapshot(): Counters {
    return { bytesSent: this.bytesSent, bytesReceived: this.bytesReceived, transfers: this.transfers }
  }
}
