import { type CallOptions, type CreateOptions, GliderError, type NodeByType, type StoreClient } from '../client/index.ts'

/** Opens a node, or makes one where there is none; what was made for `use` alone goes again where that fails. */
export async function withNode<T extends keyof NodeByType>(
  store: StoreClient,
  path: string,
  type: T,
  wishes: CreateOptions,
  call: CallOptions,
  use: (node: NodeByType[T]) => Promise<void>,
): Promise<void> {
  const { node, isNew } = await openNode(store, path, type, wishes, call)
  try {
    await use(node)
  } catch (error) {
    // Without the signal, which has fired already if this was interrupted. What failed first is what the user is told.
    if (isNew) await store.delete(path).catch(() => undefined)
    throw error
  }
}

async function openNode<T extends keyof NodeByType>(
  store: StoreClient,
  path: string,
  type: T,
  wishes: CreateOptions,
  call: CallOptions,
): Promise<{ node: NodeByType[T]; isNew: boolean }> {
  try {
    return { node: await store.create(path, type, { ...wishes, ...call }), isNew: true }
  } catch (error) {
    if (GliderError.from(error).code !== 'ALREADY_EXISTS') throw error
    return { node: await store.lookup(path, type, call), isNew: false }
  }
}
