// A Chromium of its own with a profile on disk, opened on the built page; it can be killed and opened again.
import { readFile, readlink, rm } from 'node:fs/promises';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from '@playwright/test';
import type { EngineStatus, HistoryItemInput } from 'persona-plug';
import { browserFlags, createQuietProfile, findBrowser, type WebgpuMode } from '../../scripts/browser.mjs';
import { goldenFolder } from '../../src/testing/golden/golden-models.ts';

export const site = 'http://127.0.0.1:5181/';

export interface OpenOptions {
  readonly webgpu: WebgpuMode;
  /** The query of the address, e.g. `embedder=wasm&llm=wasm`. */
  readonly query: string;
  readonly flags?: readonly string[];
}

/** A profile, and the browser that has it open. */
export class DemoBrowser {
  readonly #profile: string;
  #context: BrowserContext | null = null;

  private constructor(profile: string) {
    this.#profile = profile;
  }

  static async create(): Promise<DemoBrowser> {
    return new DemoBrowser(await createQuietProfile());
  }

  /** Opens the page and waits until the models are loaded. */
  async open({ webgpu, query, flags = [] }: OpenOptions): Promise<{ page: Page; status: EngineStatus }> {
    const executablePath = findBrowser();
    this.#context = await chromium.launchPersistentContext(this.#profile, {
      ...(executablePath === null ? {} : { executablePath }),
      args: [...browserFlags(webgpu), ...flags],
    });
    const page = this.#context.pages()[0] ?? (await this.#context.newPage());
    await page.goto(`${site}?${query}`);
    return { page, status: await waitUntilReady(page) };
  }

  /** SIGKILL leaves the browser no moment to write anything. */
  async kill(): Promise<void> {
    // Chromium's lock on its profile names its process: `host-pid`.
    const lock = path.join(this.#profile, 'SingletonLock');
    const target = await readlink(lock);
    process.kill(Number(target.slice(target.lastIndexOf('-') + 1)), 'SIGKILL');
    await this.#context?.close().catch(() => undefined);
    this.#context = null;
    await rm(lock, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context?.close().catch(() => undefined);
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** @throws when the page could not load its models, with what the page says. */
export async function waitUntilReady(page: Page): Promise<EngineStatus> {
  await page.waitForFunction(() => globalThis.personaPlugDemo !== undefined);
  const ready = await page.evaluate(async () => await globalThis.personaPlugDemo?.ready);
  if (ready?.ok !== true) throw new Error(`The page did not load: ${JSON.stringify(ready)}`);
  return ready.status;
}

export interface GoldenCase {
  readonly name: string;
  readonly task: string;
  readonly history: readonly HistoryItemInput[];
  readonly input: string;
  readonly at: string;
  readonly answers: { readonly none: string; readonly persona: string };
  readonly gate: number;
}

/** What training says the page must answer. */
export async function goldenCases(): Promise<readonly GoldenCase[]> {
  const text = await readFile(path.join(goldenFolder(), 'end-to-end.json'), 'utf8');
  // The border: the file comes from our own exporter, and its hash stands in its manifest.
  return (JSON.parse(text) as { cases: GoldenCase[] }).cases;
}

/** A history as the text of a file. */
export function toJsonl(items: readonly HistoryItemInput[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
}
