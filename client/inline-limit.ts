/** Up to how many bytes are worth offering to the metadata server. Nothing is above this; what is really its limit it tells. */
export class InlineLimit {
  bytes = 64 << 10
}
