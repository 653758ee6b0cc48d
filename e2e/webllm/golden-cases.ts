// Reads research-models/golden/language-model.json, with its arrays from golden.f32.
import type { PromptSegment } from '../../src/language-model/language-model.ts';
import type { GoldenManifest } from '../../src/model-package/manifest.ts';
import type { ModelPackage } from '../../src/model-package/model-source.ts';

interface ArrayReference {
  readonly offset: number;
  readonly shape: readonly number[];
}

interface GoldenFile {
  readonly cases: readonly {
    readonly name: string;
    readonly segments: readonly ({ readonly ids: readonly number[] } | { readonly rows: ArrayReference })[];
    readonly tokens: readonly number[];
    readonly margins: readonly number[];
    readonly logits: ArrayReference;
  }[];
}

export interface GoldenCase {
  readonly name: string;
  readonly segments: readonly PromptSegment[];
  /** Greedy continuation; the end token is not among them. */
  readonly tokens: readonly number[];
  /** How far the best logit is above the second, one a token, and one for the end token where the answer ended. */
  readonly margins: readonly number[];
  /** The first steps' logits, each `[vocabulary]`. */
  readonly logits: readonly Float32Array[];
}

export async function readGoldenCases(golden: ModelPackage<GoldenManifest>): Promise<GoldenCase[]> {
  const file = (await golden.json('language-model.json')) as GoldenFile;
  const numbers = new Float32Array((await golden.bytes('golden.f32')).buffer);
  const arrayAt = ({ offset, shape }: ArrayReference): Float32Array =>
    numbers.slice(offset, offset + shape.reduce((product, size) => product * size, 1));
  return file.cases.map(({ name, segments, tokens, margins, logits }) => {
    const [steps = 0, vocabulary = 0] = logits.shape;
    const all = arrayAt(logits);
    return {
      name,
      tokens,
      margins,
      segments: segments.map((segment) =>
        'ids' in segment
          ? { kind: 'ids', ids: segment.ids }
          : { kind: 'rows', rows: arrayAt(segment.rows), count: segment.rows.shape[0] ?? 0 },
      ),
      logits: Array.from({ length: steps }, (_, step) => all.subarray(step * vocabulary, (step + 1) * vocabulary)),
    };
  });
}
