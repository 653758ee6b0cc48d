// `npm run words`: finds words that CONTRIBUTING.md says to avoid, and names file, line and replacement.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { repository } from './repository.mjs';

const places = ['src', 'site', 'training', 'configs', 'docs', 'e2e', 'bench', 'scripts', 'README.md'];
const textFile = /\.(?:[cm]?[jt]s|tsx|py|toml|md|html|css)$/;
const foreignFolder = /(?:^|\/)(?:node_modules|dist|runs|venv|tvm-home|__pycache__|\.[^/]*)(?:\/|$)/;

/** The rules of the fenced block `words`: `avoid REGEX -> replacement`, `allow REGEX -> reason`, `skip PATH -> reason`. */
function readRules(text) {
  const block = /^```words\n(?<lines>.*?)^```$/ms.exec(text)?.groups?.lines;
  if (block === undefined) throw new Error('CONTRIBUTING.md has no fenced block ```words.');
  const rules = { avoid: [], allow: [], skip: [] };
  for (const line of block.split('\n').filter((each) => each.trim() !== '')) {
    const { kind, pattern, note } =
      /^(?<kind>avoid|allow|skip) +(?<pattern>.+?) +-> +(?<note>.+)$/.exec(line)?.groups ?? {};
    if (kind === undefined) throw new Error(`CONTRIBUTING.md: not a rule: ${line}`);
    rules[kind].push({ pattern: kind === 'skip' ? pattern : regularExpression(pattern), note });
  }
  return rules;
}

/** A pattern without capitals ignores case. */
function regularExpression(pattern) {
  return new RegExp(pattern, /[A-Z]/.test(pattern.replaceAll(/\\[A-Z]/g, '')) ? 'g' : 'gi');
}

function filesOf(place) {
  const full = path.join(repository, place);
  if (statSync(full).isFile()) return [place];
  return readdirSync(full, { recursive: true })
    .map((name) => path.posix.join(place, name.replaceAll(path.sep, '/')))
    .filter(
      (name) => textFile.test(name) && !foreignFolder.test(name) && statSync(path.join(repository, name)).isFile(),
    )
    .sort();
}

/** Every avoided word of a line that lies outside of all allowed stretches. */
function hitsOf(line, { avoid, allow }) {
  const allowed = allow.flatMap(({ pattern }) => [...line.matchAll(pattern)].map(stretch));
  return avoid
    .flatMap(({ pattern, note }) =>
      [...line.matchAll(pattern)].map((match) => ({ ...stretch(match), word: match[0], note })),
    )
    .filter(({ start, end }) => !allowed.some((span) => span.start <= start && end <= span.end));
}

function stretch({ index, 0: text }) {
  return { start: index, end: index + text.length };
}

const rules = readRules(readFileSync(path.join(repository, 'CONTRIBUTING.md'), 'utf8'));
const files = places.flatMap(filesOf).filter((file) => !rules.skip.some(({ pattern }) => file.startsWith(pattern)));
let count = 0;
for (const file of files) {
  for (const [index, line] of readFileSync(path.join(repository, file), 'utf8').split('\n').entries()) {
    for (const { start, word, note } of hitsOf(line, rules)) {
      count += 1;
      process.stdout.write(`${file}:${index + 1}:${start + 1}: "${word}" -> ${note}\n`);
    }
  }
}
process.stdout.write(`${count} words to avoid in ${files.length} files.\n`);
if (count > 0) process.exitCode = 1;
