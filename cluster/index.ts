/** `glider/cluster`: a whole cluster in one call. */
export type { ServerRole } from './child-server.ts'
export { LocalCluster, type LocalClusterOptions, type LocalServer } from './local-cluster.ts'
