// Adapters in a history file: lines `{"tuning": {…}}` after the items. They say where an adapter came from, and with `includeVectors`
// carry what it has learned; a reader takes that only where every item of it is in the file just as it was.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import { sha256Hex } from '../model-package/sha256.ts';
import type { StaleMark } from './adapter.ts';
import { adapterKinds } from './adapter-kind.ts';
import type { AdapterRecord } from './adapter-record.ts';

/** An item of a history as far as an adapter knows it. */
export interface LearnedItem {
  readonly id: string;
  readonly task: string;
  readonly date: string | null;
  readonly input: string;
  readonly output: string;
}

/** Far above what an adapter of any shipped model takes. */
const longestParameters = 64 * 1024 * 1024;

const lineSchema = v.object({
  version: v.literal(1),
  task: v.pipe(v.string(), v.nonEmpty()),
  kind: v.picklist(adapterKinds),
  state: v.picklist(['ready', 'stale']),
  run: v.pipe(v.string(), v.nonEmpty(), v.maxLength(200)),
  items: v.array(v.string()),
  /** SHA-256 (hex) of the items as they were learned. */
  itemsDigest: v.string(),
  settings: v.record(v.string(), v.unknown()),
  description: v.nullable(v.record(v.string(), v.unknown())),
  /** Base64 of the safetensors. */
  parameters: v.nullable(v.pipe(v.string(), v.maxLength(longestParameters))),
  stale: v.nullable(v.object({ reason: v.picklist(['forgotten', 'changed', 'imported']), at: v.number() })),
});

type AdapterLine = v.InferOutput<typeof lineSchema>;

/** The lines of adapters; what is under way is left out. `items`: all that the history holds. */
export async function exportAdapters(
  adapters: readonly AdapterRecord[],
  items: readonly LearnedItem[],
  { includeVectors }: { readonly includeVectors: boolean },
): Promise<string> {
  const byId = new Map(items.map((item) => [item.id, item]));
  const lines: string[] = [];
  for (const { task, kind, state, run, items: ids, settings, description, tensors, stale = null } of adapters) {
    if (state === 'running') continue;
    const isReady = state === 'ready';
    const line: AdapterLine = {
      version: 1,
      task,
      kind,
      state,
      run,
      items: [...ids],
      itemsDigest: await digestOf(ids, byId),
      settings: JSON.parse(settings),
      description: isReady ? JSON.parse(description) : null,
      parameters: isReady && includeVectors ? toBase64(tensors) : null,
      stale,
    };
    lines.push(`${JSON.stringify({ tuning: line })}\n`);
  }
  return lines.join('');
}

/**
 * Reads the lines of adapters. One whose parameters are not in the file, or whose items are not, is stale: it can be trained again.
 * `items`: those of the same file. `now`: milliseconds since 1970.
 *
 * @throws PersonaPlugError `invalid-import`, details `line` and `reason`.
 */
export async function parseAdapters(
  text: string,
  items: readonly LearnedItem[],
  now: number,
): Promise<AdapterRecord[]> {
  const byId = new Map(items.map((item) => [item.id, item]));
  const parsed: AdapterRecord[] = [];
  for (const [index, content] of text.split(/\r\n|\n|\r/u).entries()) {
    const value = readAdapterLine(content);
    if (value === null) continue;
    const result = v.safeParse(lineSchema, value);
    if (!result.success) {
      const [issue] = result.issues;
      throw fault(index + 1, `the field "tuning.${v.getDotPath(issue) ?? ''}" is wrong: ${issue.message}`);
    }
    parsed.push(await toRecord(result.output, byId, now, index + 1));
  }
  return parsed;
}

/** What a line says of an adapter; null for every other line. An item may have a field "tuning", which is left out like others. */
export function readAdapterLine(content: string): object | null {
  if (!/^\uFEFF?\s*\{\s*"tuning"\s*:/u.test(content)) return null;
  try {
    const value: unknown = JSON.parse(content.replace(/^\uFEFF/u, ''));
    if (typeof value !== 'object' || value === null || 'input' in value || !('tuning' in value)) return null;
    return typeof value.tuning === 'object' ? value.tuning : null;
  } catch {
    // The reader of items names the fault.
    return null;
  }
}

async function toRecord(
  line: AdapterLine,
  items: ReadonlyMap<string, LearnedItem>,
  now: number,
  number: number,
): Promise<AdapterRecord> {
  const { task, kind, run, items: ids, settings, description, parameters } = line;
  const known = { task, kind, run, items: ids.filter((id) => items.has(id)), settings: JSON.stringify(settings) };
  const reason = await whyStale(line, items);
  if (parameters === null || description === null || reason !== null) {
    const stale: StaleMark = line.stale ?? { reason: reason ?? 'imported', at: now };
    return { ...known, state: 'stale', description: '', tensors: new Uint8Array(0), stale };
  }
  const tensors = fromBase64(parameters, number);
  return { ...known, state: 'ready', description: JSON.stringify(description), tensors };
}

async function whyStale(
  line: AdapterLine,
  items: ReadonlyMap<string, LearnedItem>,
): Promise<StaleMark['reason'] | null> {
  if (line.state === 'stale') return 'imported';
  if (line.items.some((id) => !items.has(id))) return 'forgotten';
  return (await digestOf(line.items, items)) === line.itemsDigest ? null : 'changed';
}

async function digestOf(ids: readonly string[], items: ReadonlyMap<string, LearnedItem>): Promise<string> {
  const contents = ids.map((id) => {
    const item = items.get(id);
    return item === undefined ? null : [id, item.task, item.date, item.input, item.output];
  });
  return await sha256Hex(JSON.stringify(contents));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function fromBase64(text: string, line: number): Uint8Array<ArrayBuffer> {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    for (const [name, { data }] of readSafetensors(bytes)) {
      if (!data.every((value) => Number.isFinite(value))) throw new Error(`${name} holds what is no number`);
    }
    return bytes;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw fault(line, `the field "tuning.parameters" is no base64 of safetensors (${why})`, cause);
  }
}

function fault(line: number, reason: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError(
    'invalid-import',
    `Line ${line} of the history file cannot be imported: ${reason}. Nothing was imported; correct the file and try again.`,
    { ...(cause === undefined ? {} : { cause }), details: { line, reason } },
  );
}
