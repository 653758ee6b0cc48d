// In version 3 of the database what was asked for stood inside the description of what came out. Only this step reads that form.
import * as v from 'valibot';
import type { UpgradeTransaction } from '../history-schema.ts';

/** What both forms of a description had, the checkpoint's and the result's; the result did not say its options. */
const earlierSchema = v.object({
  base: v.string(),
  plug: v.string(),
  languageModel: v.string(),
  options: v.optional(v.record(v.string(), v.unknown())),
  finishedAt: v.optional(v.number()),
});

/** Gives every adapter its settings. One that cannot be read is dropped: nothing could use it, nor train it again. */
export function addSettings(transaction: UpgradeTransaction): void {
  const store = transaction.objectStore('tunings');
  const step = async (): Promise<void> => {
    for (let cursor = await store.openCursor(); cursor !== null; cursor = await cursor.continue()) {
      const { kind, description } = cursor.value;
      const result = v.safeParse(v.pipe(v.string(), v.parseJson(), earlierSchema), description);
      if (!result.success) {
        await cursor.delete?.();
        continue;
      }
      const { base, plug, languageModel, options = { kind }, finishedAt = null } = result.output;
      const settings = JSON.stringify({ version: 1, base, plug, languageModel, options, startedAt: finishedAt });
      await cursor.update?.({ ...cursor.value, settings });
    }
  };
  // The upgrade is committed as a whole or not at all: a step that fails takes it back, and opening says so.
  step().catch(() => transaction.abort());
}
