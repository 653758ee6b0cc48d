// The page's script interface, called from a test; a failure on the page is an error here.
import type { Page } from '@playwright/test';
import type { Explanation, HistoryItem } from 'persona-plug';
import type { Question } from '../../site/question.ts';
import type { AskResult, PersonaPlugDemo } from '../../site/script-interface.ts';

declare const personaPlugDemo: PersonaPlugDemo;

export async function importText(page: Page, text: string): Promise<void> {
  const result = await page.evaluate(async (jsonl) => await personaPlugDemo.importText(jsonl), text);
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
}

export async function ask(page: Page, question: Question): Promise<AskResult> {
  const result = await page.evaluate(async (value) => await personaPlugDemo.ask(value), question);
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result;
}

export async function explain(page: Page, question: Question): Promise<Explanation> {
  return await page.evaluate(async (value) => await personaPlugDemo.explain(value), question);
}

export async function items(page: Page): Promise<HistoryItem[]> {
  return await page.evaluate(async () => await personaPlugDemo.items());
}

export async function forget(page: Page, id: string): Promise<boolean> {
  return await page.evaluate(async (value) => await personaPlugDemo.forget(value), id);
}

/** All items with their vectors, as text: equal texts are equal histories, bit for bit. */
export async function exportWithVectors(page: Page): Promise<string> {
  return await page.evaluate(async () => await personaPlugDemo.exportText(true));
}
