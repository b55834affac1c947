/** A named class in one version of a bundle. */
export interface Definition {
  readonly bundle: string
  readonly class: string
  readonly version: string
}
