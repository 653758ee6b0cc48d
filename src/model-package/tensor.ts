/** A float32 tensor, row-major: as many numbers as the product of `shape`. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}
