import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'site/**/*.test.ts', 'scripts/**/*.test.ts'],
    // Real models load in Node for the parity tests: seconds, not milliseconds, on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
