// ROUGE-1 and ROUGE-L (Lin 2004) with the numbers of Google's rouge-score without stemming, which is what LaMP's evaluation
// calls (Hugging Face's `rouge`, where `use_stemmer` is false unless asked for).

/** F-measures in [0, 1]. */
export interface RougeScores {
  readonly rouge1: number;
  readonly rougeL: number;
}

/** Runs of a–z and 0–9 in the lower-case text; everything else separates them. */
export function rougeTokens(text: string): string[] {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, ' ')
    .split(' ')
    .filter((token) => token !== '');
}

/**
 * Scores a prediction against one reference.
 *
 * @example
 * ```ts
 * rouge('the cat sat', 'the cat lay').rougeL; // 2/3
 * ```
 */
export function rouge(prediction: string, reference: string): RougeScores {
  const [predicted, expected] = [rougeTokens(prediction), rougeTokens(reference)];
  const count = (matches: number): number => fMeasure(matches, predicted.length, expected.length);
  return { rouge1: count(overlap(predicted, expected)), rougeL: count(longestCommonSubsequence(predicted, expected)) };
}

function fMeasure(matches: number, predicted: number, expected: number): number {
  const precision = matches / Math.max(predicted, 1);
  const recall = matches / Math.max(expected, 1);
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

/** How many tokens the texts share; a repeated token counts as often as it occurs in both. */
function overlap(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const token of b) counts.set(token, (counts.get(token) ?? 0) + 1);
  let shared = 0;
  for (const token of a) {
    const left = counts.get(token) ?? 0;
    if (left === 0) continue;
    counts.set(token, left - 1);
    shared += 1;
  }
  return shared;
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let previous = new Uint32Array(b.length + 1);
  for (const token of a) {
    const current = new Uint32Array(b.length + 1);
    for (const [index, other] of b.entries()) {
      current[index + 1] =
        token === other ? (previous[index] ?? 0) + 1 : Math.max(previous[index + 1] ?? 0, current[index] ?? 0);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
