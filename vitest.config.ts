import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What has next to no state of its own beside its tests: a process keeps its modules from one file to the next. */
const units = 'dist/{actions,active-server,client,metadata-server,protocol,server,storage-server,bench/experiments}/**/*.test.js'
const conformance = 'dist/test/conformance/**/*.test.js'

/** What takes longest comes first: begun at the end, it would run alone while the other core has nothing to do. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('/test/faults/faults.test.js')
    return [...sorted.filter(isLongest), ...sorted.filter(file => !isLongest(file))]
  }
}

/**
 * The tests run as compiled, on what a user would install: vite transforms the test files and nothing else. All other modules are
 * loaded by Node itself, so that a class is one class whether it is imported by path, by the package's name, or in another process.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('units', { include: [units], exclude: ['**/node_modules/**'], isolate: false }),
      project('parts', { include: ['dist/**/*.test.js'], exclude: ['**/node_modules/**', units, conformance] }),
      project('conformance', {
        include: [conformance],
        exclude: ['**/node_modules/**'],
        globalSetup: 'dist/test/conformance/support/local-cluster.js',
      }),
    ],
  },
})

/** Of two kinds: what has the code at hand, and what has a URL. */
function project(name: string, options: object) {
  return {
    test: {
      name,
      // `exclude` is there in any case: vitest leaves dist/ out by default.
      ...options,
      server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
      testTimeout: 30_000,
      hookTimeout: 30_000,
    },
  }
}
