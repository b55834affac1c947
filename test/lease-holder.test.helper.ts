/**
 * A process that holds leases, for tests that kill it: `node lease-holder.test.helper.js ADDRESS TTL_MS`. It fills the store with a
 * job, says so to its parent, and then only lives. Where it loses the job's lease, it tells the code of the reason.
 */
import process from 'node:process'
import { type GliderError, StoreClient } from 'glider'

const [address = '', ttl = ''] = process.argv.slice(2)
const ttlMs = Number(ttl)
const store = await StoreClient.connect(address)

await store.create('/job', 'directory')
const lease = await store.lease('/job', { ttlMs })
lease.signal.addEventListener('abort', () => process.send?.((lease.signal.reason as GliderError).code))
await store.put('/job/small', 'a few bytes')
await store.put('/job/deep/large', Buffer.alloc(300 << 10, 1), { parents: true })
for (const name of ['a', 'b']) await (await store.create(`/job/deep/${name}`, 'action')).create('Traced')

// Each with its own lease, in a place that stays.
await store.create('/scratch/file', 'file', { parents: true, ttlMs })
await store.put('/scratch/file', Buffer.alloc(200 << 10, 2))
await (await store.create('/scratch/action', 'action', { ttlMs })).create('Traced')

// A write that never ends.
const open = await store.create('/job/open', 'file')
const writing = open.createWriteStream()
// It fails where the job is deleted while this lives.
writing.on('error', () => {})
writing.write(Buffer.alloc(100 << 10))
await open.stat()

process.send?.('ready')
