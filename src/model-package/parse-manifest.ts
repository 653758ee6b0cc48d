// Checks a manifest.json, which comes from outside: gives a Manifest, or an error that names the field.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import type { LanguageModelManifest, Manifest } from './manifest.ts';
import { sha256Hex } from './sha256.ts';

const text = v.pipe(v.string(), v.nonEmpty());
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const countOrNone = v.pipe(v.number(), v.integer(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex'));
/** A path inside the package's folder: no `..`, no absolute path, no scheme. */
const path = v.pipe(
  v.string(),
  v.regex(/^(?!.*(?:^|\/)\.+(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/, 'is not a plain relative path'),
);

const base = {
  schemaVersion: v.literal(1),
  name: text,
  version: text,
  licence: text,
  description: v.string(),
  files: v.array(
    v.object({
      path,
      bytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
      sha256: hash,
      role: v.picklist(['weights', 'graph', 'tokenizer', 'library', 'config', 'golden', 'licence', 'card']),
    }),
  ),
  fingerprint: hash,
  trainingData: v.array(v.object({ name: text, licence: text, source: text })),
  results: v.record(v.string(), v.unknown()),
};

const onnxForm = { graph: path, adapters: v.exactOptional(v.array(v.picklist(['lora', 'ia3']))) };

const manifestSchema = v.variant('kind', [
  v.object({
    ...base,
    kind: v.literal('embedder'),
    embedder: v.object({
      dim: count,
      maximumTokens: v.pipe(v.number(), v.integer(), v.minValue(3)),
      pooling: v.picklist(['mean', 'cls']),
      isNormalized: v.boolean(),
      graph: path,
      tokenizer: path,
      selfTest: path,
    }),
  }),
  v.object({
    ...base,
    kind: v.literal('language-model'),
    languageModel: v.object({
      hiddenSize: count,
      vocabularySize: count,
      layers: count,
      heads: count,
      kvHeads: count,
      headDim: count,
      contextWindow: count,
      endTokens: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.minLength(1)),
      tokenizer: path,
      promptTemplate: v.array(
        v.union([v.strictObject({ control: text }), v.strictObject({ slot: v.picklist(['persona', 'prompt']) })]),
      ),
      onnx: v.exactOptional(
        v.variant('form', [
          v.object({ ...onnxForm, form: v.literal('decoder'), weightTable: path, tensorCache: path }),
          v.object({
            ...onnxForm,
            form: v.exactOptional(v.literal('causal')),
            externalData: v.array(path),
            externalDtype: v.exactOptional(v.picklist(['bfloat16'])),
          }),
        ]),
      ),
      webllm: v.exactOptional(v.object({ library: path, version: text })),
    }),
  }),
  v.object({
    ...base,
    kind: v.literal('plug'),
    plug: v.object({
      embedder: hash,
      languageModel: hash,
      dim: count,
      hiddenSize: count,
      projectorWidth: count,
      personaRows: countOrNone,
      instructionRows: count,
      instructionRank: v.exactOptional(countOrNone),
      normalizesQuery: v.exactOptional(v.boolean()),
      withoutOutputs: v.exactOptional(v.array(text)),
      tasks: v.array(text),
      marginals: v.exactOptional(v.object({ tasks: v.array(text), vocabularySize: count })),
      gateThreshold: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      weights: path,
    }),
  }),
  v.object({ ...base, kind: v.literal('golden') }),
]);

/**
 * Checks the content of a manifest.json.
 *
 * @throws PersonaPlugError `model-mismatch` that names the field, or the file that `files` does not list.
 */
export function parseManifest(json: unknown, name: string): Manifest {
  const result = v.safeParse(manifestSchema, json, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    throw mismatch(name, `${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`);
  }
  const manifest: Manifest = result.output;
  const paths = manifest.files.map((file) => file.path);
  const listed = new Set(paths);
  const repeated = paths.find((path, index) => paths.indexOf(path) !== index);
  if (repeated !== undefined) throw mismatch(name, `files lists ${repeated} twice`);
  for (const used of usedFiles(manifest)) {
    if (!listed.has(used)) throw mismatch(name, `files does not list ${used}, which the ${manifest.kind} block uses`);
  }
  return manifest;
}

/**
 * SHA-256 over "path sha256" lines of the files that decide a model's outputs, sorted by path: weights and tokenizer, and an
 * embedder's graph (its quantization is part of it, while an LLM's graph only describes how its weights are run).
 */
export function computeFingerprint({ kind, files }: Pick<Manifest, 'kind' | 'files'>): Promise<string> {
  const roles = new Set(kind === 'embedder' ? ['weights', 'graph', 'tokenizer'] : ['weights', 'tokenizer']);
  const lines = files
    .filter((file) => roles.has(file.role))
    .map((file) => ({ path: file.path, line: `${file.path} ${file.sha256}\n` }))
    .sort((left, right) => (left.path < right.path ? -1 : 1))
    .map(({ line }) => line);
  return sha256Hex(lines.join(''));
}

function usedFiles(manifest: Manifest): string[] {
  switch (manifest.kind) {
    case 'embedder':
      return [manifest.embedder.graph, manifest.embedder.tokenizer, manifest.embedder.selfTest];
    case 'language-model': {
      const { tokenizer, onnx, webllm } = manifest.languageModel;
      return [tokenizer, ...(onnx ? onnxFiles(onnx) : []), ...(webllm ? [webllm.library] : [])];
    }
    case 'plug':
      return [manifest.plug.weights];
    case 'golden':
      return [];
    default:
      return manifest satisfies never;
  }
}

function onnxFiles(onnx: NonNullable<LanguageModelManifest['languageModel']['onnx']>): string[] {
  return onnx.form === 'decoder'
    ? [onnx.graph, onnx.weightTable, onnx.tensorCache]
    : [onnx.graph, ...onnx.externalData];
}

function mismatch(name: string, reason: string): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `The manifest of model package "${name}" is not valid: ${reason}. Export the package again with a matching version of training/.`,
    { details: { package: name } },
  );
}
