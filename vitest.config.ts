import { defineConfig } from 'vitest/config'

/**
 * The tests run as compiled, on what a user would install: vite transforms the test files and nothing else. All other modules are
 * loaded by Node itself, so that a class is one class whether it is imported by path, by the package's name, or in another process.
 */
export default defineConfig({
  test: {
    include: ['dist/**/*.test.js'],
    // Vitest leaves dist/ out by default.
    exclude: ['**/node_modules/**'],
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
