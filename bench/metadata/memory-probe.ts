/** Loaded into a server by `--import`, and needs `--expose-gc`: tells its parent, when asked, what its heap holds. */
process.on('message', message => {
  if (message !== 'memory') return
  const { gc } = globalThis
  if (!gc) throw new Error('the memory probe needs --expose-gc')
  gc()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  process.send!({ memory: heapUsed + external })
})
