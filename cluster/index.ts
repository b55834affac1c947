/** `glider/cluster`: a whole cluster in one call. */
export type { ServerRole } from './child-server.ts'
export {
  type LocalActiveOptions,
  LocalCluster,
  type LocalClusterOptions,
  type LocalStorageOptions,
  type LocalTls,
} from './local-cluster.ts'
export type { LocalServer } from './start-server.ts'
