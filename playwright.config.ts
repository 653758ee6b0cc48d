// Browser tests: a real Chromium, WebGPU on the software adapter, against the built site and the test pages.
import { defineConfig } from '@playwright/test';
import { browserFlags, findBrowser } from './scripts/browser.mjs';

const executablePath = findBrowser();
/** `pages`: only the test pages (no site build); `site`: only the built site. */
const wanted = process.env['PERSONA_PLUG_SERVERS'] ?? 'all';
const isCI = process.env['CI'] !== undefined;

const servers = [
  {
    name: 'site',
    command: 'node scripts/serve-site.mjs --port 5181',
    url: 'http://127.0.0.1:5181/',
  },
  {
    name: 'pages',
    command: 'npx vite --config e2e/vite.config.ts',
    url: 'http://127.0.0.1:4300/models/index.json',
  },
];

export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts',
  outputDir: 'test-results',
  // Two cores and a software GPU: one browser at a time.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: isCI,
  reporter: [['list']],
  use: {
    baseURL: 'http://127.0.0.1:5181/',
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath === null ? {} : { executablePath }),
      args: browserFlags('software'),
    },
  },
  webServer: servers
    .filter(({ name }) => wanted === 'all' || wanted === name)
    .map(({ command, url }) => ({
      command,
      url,
      reuseExistingServer: !isCI,
      timeout: 180_000,
      gracefulShutdown: { signal: 'SIGTERM' as const, timeout: 5_000 },
    })),
});
