// Computes the persona of a history for a query, without any input, output or runtime. Equal histories give equal bits in whatever order
// their items come, so that forgetting an item is exact.
import { ageOf } from './age.ts';
import { gateCosines, gateFeatures, gateValue } from './gate.ts';
import { instructionRows } from './instruction.ts';
import { dotProduct } from '../lib/dot-product.ts';
import { applyLinear } from './apply-linear.ts';
import { inOrder } from './order.ts';
import type { Plug } from './plug.ts';
import { personaRows } from './projector.ts';
import { softmaxWeights } from './weights.ts';

/** What the persona needs of an item. */
export interface PersonaItem {
  readonly id: string;
  readonly date: string | null;
  /** The unit vector of the item's input, `[d]`. */
  readonly input: Float32Array;
}

/** The weights of a history's items for a query, and the gate. */
export interface Attention<T extends PersonaItem> {
  /** The query's unit vector, `[d]`. */
  readonly query: Float32Array;
  /** The items in the fixed order, each with its weight; the weights sum to 1. */
  readonly items: readonly { readonly item: T; readonly weight: number }[];
  /** 0 for an empty history. */
  readonly gate: number;
  /** `[6]`; empty for an empty history. */
  readonly gateFeatures: readonly number[];
}

export interface PersonaQuery<T extends PersonaItem> {
  readonly task: string;
  /** Milliseconds since 1970, UTC: the moment to which ages are counted. */
  readonly at: number;
  /** The unit vector of the query's input, `[d]`. */
  readonly query: Float32Array;
  readonly items: readonly T[];
}

/** Weighs the items of a history for a query and computes the gate. */
export function attend<T extends PersonaItem>(plug: Plug, { task, at, query, items }: PersonaQuery<T>): Attention<T> {
  if (items.length === 0) return { query, items: [], gate: 0, gateFeatures: [] };
  const ordered = inOrder(items);
  const parameters = plug.parametersOf(task);
  const head = queryHead(plug, query);
  const weights = softmaxWeights(
    ordered.map((item) => dotProduct(head, item.input)),
    ordered.map((item) => ageOf(item.date, at)),
    parameters,
  );
  const features = gateFeatures(
    weights,
    gateCosines(
      query,
      ordered.map(({ input }) => input),
      parameters.center,
    ),
  );
  return {
    query,
    items: ordered.map((item, index) => ({ item, weight: weights[index] ?? 0 })),
    gate: gateValue(plug, features),
    gateFeatures: features,
  };
}

/** W·x, scaled to length 1 where the plug says so; `[d]`. */
function queryHead(plug: Plug, query: Float32Array): Float32Array {
  const head = applyLinear(plug.query, query);
  if (plug.normalizesQuery !== true) return head;
  const length = Math.sqrt(dotProduct(head, head));
  return length === 0 ? head : head.map((value) => value / length);
}

/** A persona as rows of input embeddings: the task's instruction I(x), then the user's own rows P. */
export interface Persona {
  /** `[instructionRows, hiddenSize]` */
  readonly instruction: Float32Array;
  /** `[personaRows, hiddenSize]` */
  readonly rows: Float32Array<ArrayBuffer>;
}

/** The rows of an attention; `projection` gives an item's `projectItem` numbers. */
export function personaOf<T extends PersonaItem>(
  plug: Plug,
  task: string,
  attention: Attention<T>,
  projection: (item: T) => Float32Array,
): Persona {
  return {
    instruction: instructionRows(plug, task, attention.query),
    rows: personaRows(
      plug,
      attention.items.map(({ weight }) => weight),
      attention.items.map(({ item }) => projection(item)),
    ),
  };
}
