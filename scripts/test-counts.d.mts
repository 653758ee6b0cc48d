export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export function addCounts(a: Counts, b: Counts): Counts;
export function vitestCounts(result: unknown): Counts;
export function playwrightCounts(result: unknown, allowSkips: boolean, tell: (sentence: string) => void): Counts;
export function countVitest(report: string, exitCode: number): Promise<Counts>;
export function countPlaywright(report: string, exitCode: number, options: { allowSkips: boolean }): Promise<Counts>;
