/** Runs an async generator and gives what it returns; `onYield` gets what it yields. */
export async function runToEnd<Yielded, Returned>(
  generator: AsyncGenerator<Yielded, Returned, void>,
  onYield?: (value: Yielded) => void,
): Promise<Returned> {
  let step = await generator.next();
  for (; step.done !== true; step = await generator.next()) onYield?.(step.value);
  return step.value;
}
