// Finds the Chromium for the page: Playwright's where it is installed or can be fetched, else the system's.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);
const systemNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macApplications = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** There is no Chromium, and none could be fetched. */
export class NoBrowserError extends Error {
  constructor() {
    super(
      'No Chromium was found, and Playwright could not fetch its own. Install one, then run this again: ' +
        '`npx playwright install --with-deps chromium`, or on Debian and Ubuntu `sudo apt-get install chromium`. ' +
        'PERSONA_PLUG_CHROMIUM names an executable that lies elsewhere.',
    );
    this.name = 'NoBrowserError';
  }
}

/**
 * Flags that stop the browser's own requests. Playwright adds more; a second --disable-features would replace its list, so it is not
 * among these.
 */
const quietFlags = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--no-default-browser-check',
  // The component updater and the sign-in check cannot be turned off; these addresses lead nowhere.
  '--component-updater=url-source=about:blank',
  '--gaia-url=http://127.0.0.1:1/',
];

/** Includes Playwright's list, which this flag replaces. */
const hardwareFeatures = '--enable-features=Vulkan,SkipListAccountsWithoutGaiaCookies';

/**
 * Command line of the browser. `webgpu`: `hardware` takes the adapter that the machine has, `software` SwiftShader,
 * `off` no WebGPU at all.
 */
export function browserFlags(webgpu) {
  if (webgpu === 'off') return [...quietFlags, '--disable-gpu'];
  const flags = [...quietFlags, '--enable-unsafe-webgpu'];
  return webgpu === 'software' ? [...flags, '--use-webgpu-adapter=swiftshader'] : [...flags, hardwareFeatures];
}

/**
 * Makes a fresh profile folder in which the browser sends nothing to its vendor while a user types: form filling, spelling, translation,
 * suggestions and passwords are off.
 */
export async function createQuietProfile() {
  const folder = await mkdtemp(path.join(tmpdir(), 'persona-plug-profile-'));
  await mkdir(path.join(folder, 'Default'));
  const preferences = {
    autofill: { enabled: false, profile_enabled: false, credit_card_enabled: false },
    credentials_enable_service: false,
    profile: { password_manager_enabled: false },
    safebrowsing: { enabled: false },
    search: { suggest_enabled: false },
    signin: { allowed: false, allowed_on_next_startup: false },
    translate: { enabled: false },
    net: { network_prediction_options: 2 },
  };
  await writeFile(path.join(folder, 'Default/Preferences'), JSON.stringify(preferences));
  return folder;
}

/** An executable that is installed, or null. */
export function findBrowser() {
  const named = process.env.PERSONA_PLUG_CHROMIUM;
  if (named !== undefined && named !== '') return named;
  return findOwnBrowser() ?? findSystemBrowser();
}

/**
 * Finds an executable, fetching one where none is there. apt-get runs only as root in CI.
 * `say` gets a sentence about what takes long. Throws NoBrowserError, whose message has the command to run.
 */
export async function ensureBrowser(say) {
  const named = process.env.PERSONA_PLUG_CHROMIUM;
  if (named !== undefined && named !== '') return named;
  const own = findOwnBrowser();
  if (own !== null) return own;
  const system = findSystemBrowser();
  if (
    process.env.PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD === undefined &&
    (system === null || (await isDownloadReachable()))
  ) {
    say("Fetching Playwright's Chromium …");
    const fetched = fetchOwnBrowser();
    if (fetched !== null) return fetched;
  }
  if (system !== null) return system;
  if (process.env.CI !== undefined && process.getuid?.() === 0) {
    say('Installing Chromium with apt-get …');
    const options = { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    spawnSync('apt-get', ['update', '-q'], options);
    spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], options);
    const installed = findSystemBrowser();
    if (installed !== null) return installed;
  }
  throw new NoBrowserError();
}

function findOwnBrowser() {
  try {
    const location = require('playwright').chromium.executablePath();
    return location !== '' && existsSync(location) ? location : null;
  } catch {
    return null;
  }
}

function findSystemBrowser() {
  const folders = (process.env.PATH ?? '').split(path.delimiter).concat('/usr/bin', '/snap/bin');
  const candidates = folders.flatMap((folder) => systemNames.map((name) => path.join(folder, name)));
  return [...candidates, ...macApplications].find(isExecutable) ?? null;
}

function isExecutable(location) {
  try {
    accessSync(location, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether Playwright's browser can be fetched. Used only where there is a system browser, which is taken at once without a network. */
async function isDownloadReachable() {
  try {
    const response = await fetch('https://cdn.playwright.dev/', { method: 'HEAD', signal: AbortSignal.timeout(4_000) });
    return response.status < 500;
  } catch {
    return false;
  }
}

function fetchOwnBrowser() {
  const program = path.join(path.dirname(require.resolve('playwright/package.json')), 'cli.js');
  spawnSync(process.execPath, [program, 'install', 'chromium'], {
    stdio: ['ignore', 2, 2],
    env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '10000', ...process.env },
    timeout: 10 * 60_000,
  });
  return findOwnBrowser();
}
