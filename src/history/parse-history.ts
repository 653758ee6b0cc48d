// Reads a history file: JSON lines `{id?, date?, task, input, output, vectors?}`. Every line is checked before anything is stored, and
// the first fault is reported with its line number and reason.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { checkItem, findItemFault, isSameItem } from './check-item.ts';
import { decodeFloat32 } from './float32-base64.ts';
import type { HistoryItem, ItemVectors } from './history-item.ts';
import { readAdapterLine } from '../adapter/adapter-lines.ts';

/** Far more than a person writes, and little enough for a tab's memory. */
export const importLimits = { characters: 256 * 1024 * 1024, items: 50_000 } as const;

/** An item of a file; `vectors` where the file carried them. */
export interface ParsedItem {
  readonly item: HistoryItem;
  readonly vectors: ItemVectors | null;
  /** Counted from 1. */
  readonly line: number;
}

const vectorsSchema = v.object({
  embedder: v.pipe(v.string(), v.regex(/^[0-9a-f]{8,64}$/u)),
  version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  backend: v.picklist(['wasm', 'webgpu']),
  dim: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(8192)),
  input: v.string(),
  output: v.string(),
});

/**
 * Reads all of the text or throws. Blank lines are skipped, a line with the same item as an earlier one counts once, fields of other
 * names are left out, and lines of adapters are left to `parseAdapters`.
 *
 * @throws PersonaPlugError `invalid-import`, details `line` and `reason`; or `signal.reason`.
 */
export async function parseHistory(
  text: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ParsedItem[]> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (text.length > importLimits.characters) {
    throw fault(null, `the file has ${text.length} characters, at most ${importLimits.characters} are allowed`);
  }
  const parsed = new Map<string, ParsedItem>();
  const lines = text.replace(/^\uFEFF/u, '').split(/\r\n|\n|\r/u);
  for (const [index, content] of lines.entries()) {
    if (index % 256 === 255) {
      await yieldToEventLoop();
      signal?.throwIfAborted();
    }
    if (content.trim() === '' || readAdapterLine(content) !== null) continue;
    const line = index + 1;
    const entry = await parseLine(content, line);
    const earlier = parsed.get(entry.item.id);
    if (earlier !== undefined && !isSameItem(earlier.item, entry.item)) {
      throw fault(line, `the id ${JSON.stringify(entry.item.id)} is on line ${earlier.line} with another content`);
    }
    if (earlier === undefined || earlier.vectors === null)
      parsed.set(entry.item.id, { ...entry, line: earlier?.line ?? line });
    if (parsed.size > importLimits.items) throw fault(line, `more than ${importLimits.items} items`);
  }
  if (parsed.size === 0) throw fault(null, 'it holds no item');
  return [...parsed.values()];
}

async function parseLine(content: string, line: number): Promise<ParsedItem> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw fault(line, `it is not JSON (${error instanceof Error ? error.message : 'syntax error'})`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fault(line, 'it is not a JSON object {"task", "input", "output", …}');
  }
  const fields: Record<string, unknown> = { ...value };
  // Other programs may export a missing value as null or as an empty text.
  const date = fields['date'] === '' ? undefined : (fields['date'] ?? undefined);
  const id = fields['id'] ?? undefined;
  const { task, input, output } = fields;
  const reason = findItemFault({ id, date, task, input, output });
  if (reason !== null) throw fault(line, reason);
  const item = await checkItem({
    task: String(task),
    input: String(input),
    output: String(output),
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof date === 'string' ? { date } : {}),
  });
  return { item, vectors: parseVectors(fields['vectors'], line), line };
}

function parseVectors(value: unknown, line: number): ItemVectors | null {
  if (value === undefined || value === null) return null;
  const result = v.safeParse(vectorsSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw fault(line, `the field "vectors.${v.getDotPath(issue) ?? ''}" is wrong: ${issue.message}`);
  }
  const { embedder, version, backend, dim } = result.output;
  const [input, output] = [decodeFloat32(result.output.input), decodeFloat32(result.output.output)];
  for (const [name, vector] of [
    ['input', input],
    ['output', output],
  ] as const) {
    if (vector === null || vector.length !== dim) {
      throw fault(line, `the field "vectors.${name}" is not base64 of ${dim} little-endian float32 numbers`);
    }
    const norm = Math.hypot(...vector);
    // Vectors have length 1: a longer one would outweigh all others in the persona.
    if (!(Math.abs(norm - 1) < 1e-3)) throw fault(line, `the field "vectors.${name}" has the norm ${norm}, not 1`);
  }
  if (input === null || output === null) return null;
  return { embedder, ...(version === undefined ? {} : { version }), backend, dim, input, output };
}

function fault(line: number | null, reason: string, cause?: unknown): PersonaPlugError {
  const where =
    line === null ? 'The history file cannot be imported' : `Line ${line} of the history file cannot be imported`;
  return new PersonaPlugError(
    'invalid-import',
    `${where}: ${reason}. Nothing was imported; correct the file and try again.`,
    {
      ...(cause === undefined ? {} : { cause }),
      details: { ...(line === null ? {} : { line }), reason },
    },
  );
}
