/** What the driver and its clients say to each other. */

/** What is known to be stored, or to be gone, under a path. */
export interface State {
  /** Rises with every change that is begun. */
  readonly version: number
  /** Undefined where nothing is there. */
  readonly length: number | undefined
}

/** What is told of a path at once, so that it is known also where the client is killed the moment after. */
export type Noted =
  /** This version of it, or a later one, is there from now on. */
  | { readonly kind: 'whole'; readonly path: string; readonly version: number }
  /** One more piece of a file that is appended to, or of a bag. */
  | { readonly kind: 'piece'; readonly path: string; readonly version: number }
  /** It is about to be deleted: nothing is expected there any more. */
  | { readonly kind: 'dropped'; readonly path: string }

/** What a client that has died had been told, by path. */
export interface Inheritance {
  readonly root: string
  readonly whole: Readonly<Record<string, number>>
  readonly pieces: Readonly<Record<string, readonly number[]>>
}

export type ToClient =
  /** Connect and work. */
  | {
      readonly begin: {
        readonly address: string
        readonly root: string
        readonly seed: number
        readonly calm: boolean
        readonly inherited?: Inheritance
      }
    }
  /** Come to an end with what is under way, and say `idle`. */
  | { readonly pause: true }
  /** All is well again: read everything, where only what is lost for good may be missing, and say `verified`. */
  | { readonly verify: true }
  /** Close the store and say `closed`. */
  | { readonly close: true }

/** An error names a server as one that is gone. */
export interface Gone {
  /** Its name in the list, or `at host:port`. */
  readonly server: string
  /** After every fault was over. */
  readonly calm: boolean
  readonly message: string
}

export type FromClient =
  | { readonly loaded: true }
  | { readonly noted: Noted }
  | { readonly counted: Counts }
  /** A rule is broken. */
  | { readonly broken: string }
  | { readonly gone: Gone }
  | { readonly idle: true }
  | { readonly verified: number }
  | { readonly closed: true }

/** By kind of operation, and by code of error where it failed; `ok` where not. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>
