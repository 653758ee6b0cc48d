import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PromptSegment } from '../../language-model.ts';
import { createSoftPromptSlots } from './soft-prompt-slots.ts';

function rows(count: number, width: number, first = 0): PromptSegment {
  return { kind: 'rows', rows: Float32Array.from({ length: count * width }, (_, index) => first + index), count };
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe('slots', () => {
  test('mix real ids and virtual ones in order', () => {
    const slots = createSoftPromptSlots();
    const { tokenIds, hiddenSize } = slots.add([
      { kind: 'ids', ids: [1, 2] },
      rows(2, 3, 10),
      { kind: 'ids', ids: [0] },
      rows(1, 3, 50),
    ]);
    expect(hiddenSize).toBe(3);
    expect(tokenIds.map((id) => (id < 0 ? [...slots.row(id)] : id))).toEqual([
      1,
      2,
      [10, 11, 12],
      [13, 14, 15],
      0,
      [50, 51, 52],
    ]);
  });

  test('keep a copy of the rows', () => {
    const slots = createSoftPromptSlots();
    const given = new Float32Array([1, 2]);
    const { tokenIds } = slots.add([{ kind: 'rows', rows: given, count: 1 }]);
    given.fill(9);
    expect([...slots.row(tokenIds[0] ?? 0)]).toEqual([1, 2]);
  });

  test('100,000 registrations and releases keep nothing and stay within int32', () => {
    const slots = createSoftPromptSlots();
    const segment = rows(300, 1);
    let smallest = 0;
    let previous = -1;
    let isAscending = true;
    for (let index = 0; index < 100_000; index++) {
      const { serial, tokenIds } = slots.add([segment]);
      isAscending &&= serial === previous + 1;
      previous = serial;
      smallest = Math.min(smallest, tokenIds.at(-1) ?? 0);
      slots.release(serial);
    }
    expect(isAscending).toBe(true);
    expect(slots.size).toBe(0);
    expect(smallest).toBeGreaterThanOrEqual(-(2 ** 31));
  });

  test('reach the end of int32 and go on at the start', () => {
    const slots = createSoftPromptSlots({ blockLength: 2 ** 28, blocks: 8 });
    const held = slots.add([rows(1, 1, 7)]);
    for (let index = 0; index < 40; index++) {
      const { serial, tokenIds } = slots.add([rows(3, 1)]);
      for (const id of tokenIds) expect(id | 0).toBe(id);
      slots.release(serial);
    }
    expect([...slots.row(held.tokenIds[0] ?? 0)]).toEqual([7]);
  });

  test('every row is found by its id, whatever was added and released before; live ids never collide', () => {
    const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 9 }), releases: fc.nat({ max: 3 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (given) => {
        const slots = createSoftPromptSlots({ blockLength: 2, blocks: 40 });
        const live: { serial: number; tokenIds: readonly number[]; first: number }[] = [];
        for (const [index, { count, releases }] of given.entries()) {
          for (let release = 0; release < releases; release++) {
            const oldest = live.shift();
            if (oldest !== undefined) slots.release(oldest.serial);
          }
          // 40 blocks of 2 rows hold five slots of 9 rows with room to spare for fragments.
          if (live.length >= 4) continue;
          live.push({ ...slots.add([rows(count, 1, index * 100)]), first: index * 100 });
        }
        const ids = live.flatMap(({ tokenIds }) => tokenIds);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { tokenIds, first } of live) {
          for (const [row, id] of tokenIds.entries()) expect(slots.row(id)[0]).toBe(first + row);
        }
        expect(slots.size).toBe(live.length);
      }),
    );
  });

  test('refuse rows when there is no room, and take them after a release', () => {
    const slots = createSoftPromptSlots({ blockLength: 2, blocks: 3 });
    const first = slots.add([rows(4, 1)]);
    expect(thrown(() => slots.add([rows(4, 1)]))).toMatchObject({ code: 'invalid-argument' });
    slots.release(first.serial);
    expect(slots.add([rows(6, 1)]).tokenIds).toHaveLength(6);
  });

  test('a released slot and its ids have another error than an unknown slot', () => {
    const slots = createSoftPromptSlots();
    const { serial, tokenIds } = slots.add([rows(2, 4)]);
    slots.release(serial);
    slots.release(serial);
    slots.add([rows(2, 4)]);
    expect(thrown(() => slots.get(serial))).toMatchObject({ code: 'closed' });
    expect(thrown(() => slots.row(tokenIds[0] ?? 0))).toMatchObject({ code: 'closed' });
    expect(thrown(() => slots.get(12))).toMatchObject({ code: 'not-found' });
  });

  test.each<[string, PromptSegment[]]>([
    ['NaN', [{ kind: 'rows', rows: new Float32Array([1, Number.NaN]), count: 1 }]],
    ['infinity', [{ kind: 'rows', rows: new Float32Array([1, -Infinity]), count: 1 }]],
    ['no whole rows', [{ kind: 'rows', rows: new Float32Array(7), count: 2 }]],
    ['no rows', [{ kind: 'rows', rows: new Float32Array(0), count: 0 }]],
    ['mixed widths', [rows(1, 4), rows(1, 5)]],
    ['a negative id', [{ kind: 'ids', ids: [3, -1] }]],
    ['a fraction for an id', [{ kind: 'ids', ids: [1.5] }]],
  ])('refuse %s', (_, segments) => {
    const slots = createSoftPromptSlots();
    expect(thrown(() => slots.add(segments))).toMatchObject({ code: 'invalid-prompt' });
    expect(slots.size).toBe(0);
  });
});
