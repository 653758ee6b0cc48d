// Trained adapters on disk, one file each, so that a run that is continued trains nothing twice.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { adapterKinds } from '../../adapter/adapter-kind.ts';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { TrainedAdapter } from '../training/trained-adapter.ts';
import type { AdapterCache } from '../training/adapter-cache.ts';

const schema = v.object({
  version: v.literal(1),
  result: v.picklist(['kept', 'no-gain', 'too-few-items']),
  record: v.nullable(
    v.object({
      task: v.string(),
      kind: v.picklist(adapterKinds),
      /** Files of earlier versions say it by an older word. */
      state: v.pipe(
        v.picklist(['ready', 'done']),
        v.transform(() => 'ready' as const),
      ),
      run: v.string(),
      items: v.array(v.string()),
      settings: v.pipe(v.string(), v.nonEmpty()),
      description: v.string(),
      /** Base64 of the safetensors. */
      tensors: v.string(),
    }),
  ),
  items: v.number(),
  steps: v.number(),
  seconds: v.number(),
  startLoss: v.nullable(v.number()),
  loss: v.nullable(v.number()),
});

/** Keeps adapters in `folder`. @throws PersonaPlugError `invalid-import` for a damaged file. */
export function openAdapterFiles(folder: string): AdapterCache {
  mkdirSync(folder, { recursive: true });
  const fileOf = (key: string): string =>
    path.join(folder, `tuning-${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  return {
    get: async (key) => (existsSync(fileOf(key)) ? read(fileOf(key)) : null),
    async put(key, { record, ...rest }) {
      const tensors = record === null ? '' : Buffer.from(record.tensors).toString('base64');
      const content = { version: 1, ...rest, record: record === null ? null : { ...record, tensors } };
      // Renamed when it is complete, so that a killed run leaves the whole file or none.
      const unfinished = `${fileOf(key)}.${randomUUID()}`;
      writeFileSync(unfinished, JSON.stringify(content));
      renameSync(unfinished, fileOf(key));
    },
  };
}

function read(file: string): TrainedAdapter {
  try {
    const { version: _, record, ...rest } = v.parse(schema, JSON.parse(readFileSync(file, 'utf8')));
    if (record === null) return { ...rest, record };
    return { ...rest, record: { ...record, tensors: Uint8Array.from(Buffer.from(record.tensors, 'base64')) } };
  } catch (cause) {
    throw new PersonaPlugError(
      'invalid-import',
      `${file} does not hold a trained adapter. Delete it, and the adapter is trained again.`,
      {
        cause,
        details: { file },
      },
    );
  }
}
