/**
 * A process whose only work is the store, for a test that takes the metadata server away from it:
 * `node lone-client.test.helper.js ADDRESS`. It tells of its second put once that is done, which is when the server is back.
 */
import process from 'node:process'
import { StoreClient } from 'glider'

// Not awaited at the top: there Node itself would notice a promise that is never settled.
async function main(address: string): Promise<void> {
  await using store = await StoreClient.connect(address)
  await store.put('/lone', 'before')
  console.log('first')
  const { size } = await store.stat('/lone')
  // Over and over, so that one of them is under way when the server goes.
  for (let bytes = 'before'; !(await store.exists('/back')); bytes += '.') await store.put('/lone', bytes.slice(-100))
  console.log(`done ${size}`)
}

void main(process.argv[2] ?? '')
