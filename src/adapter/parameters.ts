import type { Tensor } from '../model-package/tensor.ts';

/** The numbers of an adapter, or what belongs to each of them (gradients, moments), by name. */
export type Parameters = ReadonlyMap<string, Tensor>;
