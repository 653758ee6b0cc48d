// Registered soft prompts and the virtual token ids of their rows.
//
// A virtual id is negative, so it is never a real token and never sampled, and it fits an int32, because WebLLM keeps ids in
// Int32Arrays. Serial numbers never recur: WebLLM compares messages by their text, markers included. Virtual ids do recur, but only
// after all others have been used, so that an old id of a released slot is an error and not another slot's row.
import { PersonaPlugError } from '../../../lib/errors.ts';
import type { PromptSegment } from '../../language-model.ts';

/** A registered prompt; it never changes. */
export interface SoftPromptSlot {
  readonly serial: number;
  /** Width of its rows; null when it has none. */
  readonly hiddenSize: number | null;
  /** Real ids (≥ 0) and virtual ones (< 0), one a position. */
  readonly tokenIds: readonly number[];
}

export interface SoftPromptSlots {
  /** How many slots are registered now. */
  readonly size: number;
  /** @throws PersonaPlugError `invalid-prompt` for rows of wrong or mixed width, numbers that are not finite, invalid ids. */
  add(segments: readonly PromptSegment[]): SoftPromptSlot;
  /** @throws PersonaPlugError `closed` for a released slot, `not-found` for one that never was. */
  get(serial: number): SoftPromptSlot;
  /** Frees the slot's rows and ids. Does nothing the second time. */
  release(serial: number): void;
  /** The row behind a virtual id, `[hiddenSize]`. @throws PersonaPlugError `closed` when its slot was released. */
  row(virtualId: number): Float32Array;
}

export interface SoftPromptSlotsOptions {
  /** Ids are assigned in blocks of this length. @defaultValue 256 */
  readonly blockLength?: number;
  /** @defaultValue as many as fit the negative int32 */
  readonly blocks?: number;
}

interface Entry extends SoftPromptSlot {
  /** `[count, hiddenSize]` */
  readonly rows: Float32Array;
  readonly width: number;
  readonly firstBlock: number;
  readonly blockCount: number;
}

const int32Ids = 2 ** 31;

export function createSoftPromptSlots({
  blockLength = 256,
  blocks = int32Ids / blockLength,
}: SoftPromptSlotsOptions = {}): SoftPromptSlots {
  const entries = new Map<number, Entry>();
  const owners = new Map<number, Entry>();
  let nextSerial = 0;
  let nextBlock = 0;

  /** The first run of free blocks after the block that was assigned last. */
  function findBlocks(count: number): number {
    let start = nextBlock;
    let examined = 0;
    while (examined <= blocks + count) {
      if (start + count > blocks) {
        examined += blocks - start;
        start = 0;
      }
      const taken = lastTaken(start, count);
      if (taken === null) return start;
      examined += taken + 1 - start;
      start = taken + 1;
    }
    throw new PersonaPlugError(
      'invalid-argument',
      `There are no virtual token ids left for ${count * blockLength} rows: ${entries.size} soft prompts are registered. Release those that are not needed.`,
    );
  }

  function lastTaken(start: number, count: number): number | null {
    for (let block = start + count - 1; block >= start; block--) if (owners.has(block)) return block;
    return null;
  }

  return {
    get size() {
      return entries.size;
    },
    add(segments) {
      const { rows, width, count } = joinRows(segments);
      const blockCount = Math.ceil(count / blockLength);
      const firstBlock = blockCount === 0 ? 0 : findBlocks(blockCount);
      const entry: Entry = {
        serial: nextSerial,
        hiddenSize: count === 0 ? null : width,
        tokenIds: layOut(segments, firstBlock * blockLength),
        rows,
        width,
        firstBlock,
        blockCount,
      };
      nextSerial += 1;
      nextBlock = firstBlock + blockCount;
      for (let block = 0; block < blockCount; block++) owners.set(firstBlock + block, entry);
      entries.set(entry.serial, entry);
      return entry;
    },
    get(serial) {
      const entry = entries.get(serial);
      if (entry !== undefined) return entry;
      throw serial < nextSerial ? released(`Soft prompt ${serial}`) : unknownSlot(serial);
    },
    release(serial) {
      const entry = entries.get(serial);
      if (entry === undefined) return;
      entries.delete(serial);
      for (let block = 0; block < entry.blockCount; block++) owners.delete(entry.firstBlock + block);
    },
    row(virtualId) {
      const position = -1 - virtualId;
      const entry = owners.get(Math.floor(position / blockLength));
      if (entry === undefined) throw released(`The soft prompt of virtual token ${virtualId}`);
      const row = position - entry.firstBlock * blockLength;
      const values = entry.rows.subarray(row * entry.width, (row + 1) * entry.width);
      if (values.length !== entry.width) throw released(`The soft prompt of virtual token ${virtualId}`);
      return values;
    },
  };
}

/** Checks the segments and copies their rows, so that a later write to the caller's array changes nothing. */
function joinRows(segments: readonly PromptSegment[]): { rows: Float32Array; width: number; count: number } {
  let width: number | null = null;
  let count = 0;
  for (const segment of segments) {
    if (segment.kind === 'ids') {
      checkIds(segment.ids);
      continue;
    }
    const found = checkRows(segment.rows, segment.count);
    if (width !== null && width !== found) {
      throw invalid(`The rows of one prompt are ${width} and ${found} wide. Give rows of one model's hidden size.`);
    }
    width = found;
    count += segment.count;
  }
  const rows = new Float32Array(count * (width ?? 0));
  let offset = 0;
  for (const segment of segments) {
    if (segment.kind === 'ids') continue;
    rows.set(segment.rows, offset);
    offset += segment.rows.length;
  }
  return { rows, width: width ?? 0, count };
}

function layOut(segments: readonly PromptSegment[], firstPosition: number): number[] {
  const ids: number[] = [];
  let position = firstPosition;
  for (const segment of segments) {
    if (segment.kind === 'ids') {
      for (const id of segment.ids) ids.push(id);
      continue;
    }
    for (let row = 0; row < segment.count; row++, position++) ids.push(-1 - position);
  }
  return ids;
}

function checkIds(ids: readonly number[]): void {
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= int32Ids);
  if (wrong !== undefined) throw invalid(`${wrong} is not a token id. Give whole numbers from 0 on.`);
}

function checkRows(rows: Float32Array, count: number): number {
  const width = rows.length / count;
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(width) || width < 1) {
    throw invalid(
      `${rows.length} numbers are no ${count} rows of equal width. Give count * hiddenSize numbers, at least one row.`,
    );
  }
  const wrong = rows.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw invalid(
      `Row ${Math.floor(wrong / width)} of a soft prompt holds ${rows[wrong]} at ${wrong % width}. Rows must be finite numbers.`,
    );
  }
  return width;
}

function invalid(message: string): PersonaPlugError {
  return new PersonaPlugError('invalid-prompt', message);
}

function released(what: string): PersonaPlugError {
  return new PersonaPlugError(
    'closed',
    `${what} was released and is still used. Release a soft prompt only after the answers that use it, and register it again for new ones.`,
  );
}

function unknownSlot(serial: number): PersonaPlugError {
  return new PersonaPlugError(
    'not-found',
    `There is no soft prompt ${serial}. Use markers that register() of this engine's hook returned, unchanged.`,
  );
}
