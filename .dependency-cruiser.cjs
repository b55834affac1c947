/**
 * Which folder may import which: the arrows of "The house" in docs/architecture.md and nothing else.
 * `scripts/lint.js` runs it and sees that every source file was read, for a file that cannot be parsed is left out in silence.
 */
const { Visitor } = require('@swc/core/Visitor.js')

/** Each folder of ours, and the folders it may import beside itself. */
const house = {
  protocol: [],
  server: ['protocol'],
  actions: ['protocol'],
  // Of actions, types only: see `types-of-actions`.
  client: ['protocol', 'actions'],
  'metadata-server': ['protocol', 'server'],
  'storage-server': ['protocol', 'server'],
  'active-server': ['protocol', 'server', 'client', 'actions'],
  cluster: ['metadata-server', 'storage-server', 'active-server', 'client'],
  cli: ['client', 'cluster'],
  bench: ['client', 'cluster', 'actions', 'server', 'protocol'],
}
const folders = [...Object.keys(house), 'test']
/** The names by which the package exports three of them; they lead into dist/, or nowhere as long as nothing is built. */
const ownNames = { client: 'glider$', actions: 'glider/action(/|$)', cluster: 'glider/cluster$' }
/** The kinds of import that are there at run time. */
const values = ['import', 'export', 'dynamic-import', 'require', 'import-equals']
/** `*.test.ts`, and what helps them: `*.test.helper.ts`. */
const unitTests = '\\.test\\.[^/]*$'
const anyTest = `${unitTests}|^test/`

const arrows = Object.entries(house).map(([folder, below]) => ({
  name: `house-${folder}`,
  comment: `${folder}/ imports ${below.length === 0 ? 'nothing of ours' : `only ${below.join(', ')}`}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: folders
      .filter(other => other !== folder && !below.includes(other))
      .flatMap(other => [`^(dist/)?${other}/`, ...(other in ownNames ? [`^${ownNames[other]}`] : [])]),
  },
}))

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'types-in-store',
      comment: 'actions/store.ts is the face of the store to an action: types and nothing else',
      severity: 'error',
      from: {},
      to: { path: '^actions/store\\.ts$', dependencyTypes: values },
    },
    {
      name: 'types-of-actions',
      comment: 'what the client knows of actions is types',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: ['^(dist/)?actions/', '^glider/action'], dependencyTypes: values },
    },
    {
      name: 'no-circle',
      comment: 'files that need each other, types included, are one thing or lack a third',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-import-of-tests',
      comment: 'a test is imported by nobody',
      severity: 'error',
      from: { pathNot: anyTest },
      to: { path: unitTests },
    },
    {
      name: 'own-package-by-name',
      comment: 'sources import their neighbours by path; only tests and benchmarks see the package as its users do',
      severity: 'error',
      from: { pathNot: `${anyTest}|^bench/` },
      to: { path: '^(dist/|glider(/|$))' },
    },
    {
      name: 'conformance-by-name',
      comment:
        'the conformance suite knows the package as its users do, and what helps all tests; only its set-up starts a cluster',
      severity: 'error',
      from: { path: '^test/conformance/', pathNot: '^test/conformance/support/local-cluster\\.ts$' },
      to: {
        path: [
          `^(dist/)?(${Object.keys(house).join('|')}|test|scripts)/`,
          '^glider/',
          // What else a deployment might need is no business of its tests.
          '(^|/)node_modules/(?!vitest/)',
        ],
        pathNot: ['^dist/client/index\\.(js|d\\.ts)$', '^test/conformance/', '^test/support/(failure|streams)\\.ts$'],
      },
    },
    {
      name: 'no-json-from-the-root',
      comment: 'tsc would copy package.json into dist/, and that is where Node would look for the exports; read it at run time',
      severity: 'error',
      from: {},
      to: { path: '^[^/]+\\.json$' },
    },
    {
      name: 'declared-package',
      comment: 'a package that package.json does not name is there by chance',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'dev-package',
      comment: 'what only development installs is for tests and benchmarks',
      severity: 'error',
      from: { pathNot: `${anyTest}|^bench/` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm'] },
    },
    {
      name: 'resolvable',
      comment: 'the file or package is not there',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^glider$|^glider/(action|action/testing|cluster)$' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: '^(node_modules|dist)/|/node_modules/' },
    exclude: { path: '^test/fixtures/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
}

/**
 * dependency-cruiser goes through a file with the Visitor of @swc/core, which throws on syntax younger than itself (`await using`)
 * and does not tell `import type` from `import`. This walks any tree there is, and shows it the imports and exports alone.
 */
const shownValues = {
  ImportDeclaration: (visitor, node) => node.typeOnly || visitor.visitImportDeclaration(node),
  ExportAllDeclaration: (visitor, node) => node.typeOnly || visitor.visitExportAllDeclaration(node),
  ExportNamedDeclaration: (visitor, node) => node.typeOnly || visitor.visitExportNamedDeclaration(node),
  TsImportEqualsDeclaration: (visitor, node) => visitor.visitTsImportEqualsDeclaration(node),
  CallExpression: (visitor, node) => visitor.visitCallExpression(node),
}
/** These become dependencies of the type `type-import`. */
const shownTypes = {
  ImportDeclaration: (visitor, node) => node.typeOnly && showType(visitor, node.source),
  ExportAllDeclaration: (visitor, node) => node.typeOnly && showType(visitor, node.source),
  ExportNamedDeclaration: (visitor, node) => node.typeOnly && node.source && showType(visitor, node.source),
  TsImportType: (visitor, node) => showType(visitor, node.argument),
}

function showType(visitor, source) {
  visitor.visitTsTypeAnnotation({ typeAnnotation: { argument: source } })
}

function walk(visitor, node, shown) {
  if (Array.isArray(node)) {
    for (const item of node) walk(visitor, item, shown)
  } else if (node !== null && typeof node === 'object') {
    shown[node.type]?.(visitor, node)
    for (const child of Object.values(node)) walk(visitor, child, shown)
  }
}

// What a visit would do beyond noting the node is the walk's by now. Two names are misspelt there.
const visits = [
  'visitCallExpression',
  'visitExportAllDeclaration',
  'visitExportAllDeclration',
  'visitExportNamedDeclaration',
  'visitExportNamedDeclration',
  'visitImportDeclaration',
  'visitTsImportEqualsDeclaration',
  'visitTsTypeAnnotation',
]
for (const visit of visits) Visitor.prototype[visit] = node => node
Visitor.prototype.visitModule = function visitModule(module) {
  // Of several imports of one file the first counts, so what is there at run time comes first.
  walk(this, module.body, shownValues)
  walk(this, module.body, shownTypes)
  return module
}
