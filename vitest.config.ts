import { defineConfig } from 'vitest/config'

const conformance = 'dist/test/conformance/**/*.test.js'

/**
 * The tests run as compiled, on what a user would install: vite transforms the test files and nothing else. All other modules are
 * loaded by Node itself, so that a class is one class whether it is imported by path, by the package's name, or in another process.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      project('parts', { include: ['dist/**/*.test.js'], exclude: ['**/node_modules/**', conformance] }),
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
