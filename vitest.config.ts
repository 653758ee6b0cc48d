import { defineConfig } from 'vitest/config';
import { packageEntries } from './site/vite/package-entries.ts';

export default defineConfig({
  resolve: { alias: packageEntries() },
  test: {
    include: ['src/**/*.test.ts', 'site/**/*.test.ts', 'scripts/**/*.test.ts'],
    // Real models load in Node for the parity tests: seconds, not milliseconds, on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
