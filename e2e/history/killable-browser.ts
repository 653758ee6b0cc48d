// A browser on a profile of its own that a test can kill as the system would: at once, with no goodbye.
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from '@playwright/test';
import { browserFlags, findBrowser } from '../../scripts/browser.mjs';

export interface KillableBrowser {
  /** Starts the browser on the profile and opens the address. */
  open(address: string): Promise<Page>;
  /** SIGKILL to the browser's own process: it has no moment to write anything. */
  kill(): Promise<void>;
  /** Ends the browser and deletes the profile. */
  remove(): Promise<void>;
}

export async function createKillableBrowser(webgpu: 'software' | 'off'): Promise<KillableBrowser> {
  const profile = await mkdtemp(path.join(tmpdir(), 'persona-plug-profile-'));
  const lock = path.join(profile, 'SingletonLock');
  let context: BrowserContext | null = null;
  return {
    async open(address) {
      const executablePath = findBrowser();
      context = await chromium.launchPersistentContext(profile, {
        ...(executablePath === null ? {} : { executablePath }),
        args: browserFlags(webgpu),
      });
      const page = await context.newPage();
      await page.goto(address);
      return page;
    },
    async kill() {
      // Chromium's lock on its profile names host and process: `host-pid`.
      const target = await readlink(lock);
      await killProcess(Number(target.slice(target.lastIndexOf('-') + 1)));
      await context?.close().catch(() => undefined);
      context = null;
      await rm(lock, { force: true });
    },
    async remove() {
      await context?.close().catch(() => undefined);
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

async function killProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} outlived SIGKILL`);
}
