// Parameters that TypeScript and Python compute in the same way, so that golden files need not hold them.

/** `scale · sin(frequency · i + phase)`: the parameters of the golden cases, which are not stored. */
export function waves(
  shape: readonly number[],
  scale: number,
  frequency: number,
  phase: number,
): { shape: readonly number[]; data: Float32Array<ArrayBuffer> } {
  const length = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Float32Array.from({ length }, (_, index) => scale * Math.sin(frequency * index + phase)) };
}
