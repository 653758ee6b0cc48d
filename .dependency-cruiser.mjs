// Which folder may import which. A folder of src imports itself and the rows above its own; tests import what they test.
import packageJson from './package.json' with { type: 'json' };

const rows = [
  ['lib'],
  ['model-package', 'onnx-runtime', 'tokenizer'],
  ['adapter'],
  ['history', 'embedder', 'persona', 'retrieval', 'tasks', 'language-model'],
  ['prompts'],
  ['engine', 'tuning'],
  ['evaluation', 'worker', 'testing'],
];
const libraries = {
  'onnxruntime-web': 'src/onnx-runtime',
  '@mlc-ai/web-llm': 'src/language-model/webllm',
  '@huggingface/tokenizers': 'src/tokenizer',
  '@jax-js/jax': 'src/tuning/jax',
  idb: 'src/history',
  '(@observablehq/plot|linkedom)': 'src/evaluation/node/report',
  '(@preact/signals|preact)': 'site',
};

const tests = '\\.test\\.tsx?$';
const rule = (name, from, to) => ({ name, severity: 'error', from: { pathNot: tests, ...from }, to });
const layerRules = rows.flatMap((row, index) =>
  row.map((folder) => {
    const allowed = [...rows.slice(0, index).flat(), folder].join('|');
    return rule(
      `layer-${folder}`,
      { path: `^src/${folder}/` },
      { path: '^(src|site|scripts)/', pathNot: `^src/(${allowed})/` },
    );
  }),
);
const libraryRules = Object.entries(libraries).map(([library, folder]) =>
  rule(
    `library-${library}`,
    { path: '^(src|site)/', pathNot: `^${folder}/|${tests}` },
    { path: `^node_modules/${library}/` },
  ),
);
// `./dist/types/worker/index.d.ts` is what tsc makes of src/worker/index.ts.
const entries = Object.values(packageJson.exports).flatMap(({ types }) =>
  types === undefined ? [] : [types.replace('./dist/types/', 'src/').replace('.d.ts', '.ts')],
);

export default {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    ...layerRules,
    ...libraryRules,
    { name: 'not-found', severity: 'error', from: {}, to: { couldNotResolve: true } },
    rule('folder-in-a-row', { path: '^src/[^/]+/', pathNot: `^src/(${rows.flat().join('|')})/` }, {}),
    rule(
      'testing-in-tests-only',
      { path: '^(src|site|scripts)/', pathNot: `^src/testing/|${tests}` },
      { path: '^src/testing/' },
    ),
    rule(
      'tuning-in-few-places',
      { path: '^(src|site)/', pathNot: `^src/(tuning|worker|evaluation)/|${tests}` },
      { path: '^src/tuning/' },
    ),
    rule('site-through-entries', { path: '^site/' }, { path: '^src/', pathNot: `^(${entries.join('|')})$` }),
    rule('site-without-scripts', { path: '^site/', pathNot: `^site/vite/|${tests}` }, { path: '^scripts/' }),
  ],
  options: {
    doNotFollow: { path: '^node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
