// Ratings: how far an answer is from the gold one (LaMP-3).

/** The rating that an answer means. An answer that is not a number counts as 1 or 5, whichever is farther from the gold (LaMP's rule). */
export function ratingOf(answer: string | null, gold: number): number {
  const value = answer === null || answer.trim() === '' ? Number.NaN : Number(answer);
  if (Number.isFinite(value)) return value;
  return Math.abs(1 - gold) > Math.abs(5 - gold) ? 1 : 5;
}
