/** The SDK: `import { StoreClient } from 'glider'`. */
import type { StoreClient as StoreClientFace } from '../actions/store.ts'
import type { ConnectOptions } from './connect-options.ts'
import { connectStore } from './store-client.ts'

export type * from '../actions/store.ts'
export type {
  BundleInfo,
  Finding,
  FindingKind,
  FsckReport,
  NamespaceInfo,
  NodeType,
  ObjectActivity,
  ObjectState,
  Quota,
  QuotaChange,
  ServerInfo,
} from '../protocol/catalogue.ts'
export { type ErrorCode, GliderError } from '../protocol/errors.ts'
export type { ConnectOptions } from './connect-options.ts'

export type StoreClient = StoreClientFace

export const StoreClient: { connect(address: string, options?: ConnectOptions): Promise<StoreClient> } = {
  connect: (address, options) => connectStore(address, options),
}
