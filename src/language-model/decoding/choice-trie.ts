// A trie of the tokens of fixed choices: at each step it allows the tokens that still lead to one of the choices.
import { PersonaPlugError } from '../../lib/errors.ts';

/** Knows which tokens may come next. */
export interface ChoiceTrie {
  /** Ids allowed after `prefix`, ascending; the end token is among them where a choice ends. Empty when no choice starts with it. */
  allowed(prefix: readonly number[]): readonly number[];
}

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  allowed: readonly number[];
}

/**
 * Builds the trie of `choiceIds` (tokens of each choice, without the end token).
 *
 * @throws PersonaPlugError `invalid-argument` without choices, for a choice without tokens, or one that holds the end token.
 */
export function createChoiceTrie(choiceIds: readonly (readonly number[])[], endToken: number): ChoiceTrie {
  if (choiceIds.length === 0) {
    throw new PersonaPlugError(
      'invalid-argument',
      'The list of choices is empty. Give at least one choice, or leave choices out.',
    );
  }
  const root = createNode();
  for (const [index, ids] of choiceIds.entries()) {
    if (ids.length === 0) {
      throw new PersonaPlugError(
        'invalid-argument',
        `Choice ${index} is empty. Give each choice at least one character.`,
      );
    }
    let node = root;
    for (const token of ids) {
      if (token === endToken) {
        throw new PersonaPlugError(
          'invalid-argument',
          `Choice ${index} contains the end token ${endToken}. Encode choices as plain text, without control tokens.`,
        );
      }
      node = childOf(node, token);
    }
    childOf(node, endToken);
  }
  sortAllowed(root);
  return {
    allowed(prefix) {
      let node: TrieNode | undefined = root;
      for (const token of prefix) node = node?.children.get(token);
      return node?.allowed ?? [];
    },
  };
}

function createNode(): TrieNode {
  return { children: new Map(), allowed: [] };
}

function childOf(node: TrieNode, token: number): TrieNode {
  const known = node.children.get(token);
  if (known !== undefined) return known;
  const child = createNode();
  node.children.set(token, child);
  return child;
}

function sortAllowed(node: TrieNode): void {
  node.allowed = [...node.children.keys()].sort((left, right) => left - right);
  for (const child of node.children.values()) sortAllowed(child);
}
