// Every `@example` in the sources must compile against the sources.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(repository, 'node_modules/.cache/examples');

const entries = {
  createPersonalizer: 'src/index.ts',
  sanitizeUserText: 'src/language-model/webllm/index.ts',
  scriptedLanguageModel: 'src/testing/index.ts',
};

interface Example {
  readonly source: string;
  readonly line: number;
  readonly code: string;
}

function examplesOf(source: string): Example[] {
  const text = readFileSync(path.join(repository, source), 'utf8');
  return [...text.matchAll(/@example\n\s*\* ```ts\n(?<code>[\s\S]*?)\n\s*\* ```/g)].map((match) => ({
    source,
    line: text.slice(0, match.index).split('\n').length,
    code: (match.groups?.['code'] ?? '').replaceAll(/^\s*\* ?/gm, ''),
  }));
}

/** The example as a module, in which the exports of its own file and its libraries are imported; the rest it imports itself. */
function moduleOf({ source, code }: Example): string {
  const own = path.join(repository, source);
  const exported = [
    ...readFileSync(own, 'utf8').matchAll(/^export (?:async )?(?:function\*?|class|const) (?<name>\w+)/gm),
  ];
  const names = new Set(exported.map((match) => match.groups?.['name'] ?? ''));
  const wanted = [...names].filter(
    (name) => new RegExp(`\\b${name}\\b`).test(code) && !code.includes(`import { ${name}`),
  );
  const imports = wanted.length > 0 ? [`import { ${wanted.join(', ')} } from '${own}';`] : [];
  if (code.includes('new MLCEngine')) imports.push("import { MLCEngine } from '@mlc-ai/web-llm';");
  // Names that a user imports from the same entry of the package.
  for (const [name, entry] of Object.entries(entries)) {
    if (code.includes(`${name}(`) && !names.has(name)) {
      imports.push(`import { ${name} } from '${path.join(repository, entry)}';`);
    }
  }
  return `${imports.join('\n')}\n${code}\nexport {};\n`;
}

it('compiles every example of the sources', () => {
  const examples = readdirSync(path.join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => examplesOf(`src/${file}`));
  expect(examples.length).toBeGreaterThan(8);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const example of examples) {
    const name = `${example.source.replaceAll(/[/.]/g, '-')}-${example.line}.ts`;
    writeFileSync(path.join(folder, name), moduleOf(example));
  }
  const config = {
    extends: path.join(repository, 'tsconfig.json'),
    compilerOptions: { rootDir: '/' },
    include: [path.join(folder, '*.ts'), path.join(repository, 'scripts/examples-scope.d.ts')],
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = path.join(repository, 'node_modules/.bin/tsc');
  const { stdout } = spawnSync(compiler, ['--noEmit', '-p', folder], { cwd: repository, encoding: 'utf8' });
  expect(stdout).toBe('');
});
