// What can be trained for one user, and on top of what.

/** Rows of a prompt, low-rank changes of weights (LoRA), rescaled activations ((IA)³). */
export const adapterKinds = ['prompt', 'lora', 'ia3'] as const;
export type AdapterKind = (typeof adapterKinds)[number];

export const adapterBases = ['persona', 'instruction', 'none'] as const;

/**
 * What stands in the persona's place while an adapter is trained, and when it is used:
 * `persona`: I and P(x) of earlier items, the trained rows added to P; used wherever the persona is;
 * `instruction`: I alone, the trained rows added to it; used where a request asks for no persona;
 * `none`: no rows at all (LoRA and (IA)³ only).
 */
export type AdapterBase = (typeof adapterBases)[number];
