"""Greedy decoding of a fixed choice under a trie of the choices' tokens; the TypeScript package does the same.

At each step the allowed token with the highest logit is taken (the lowest id at a tie); the end token is allowed where
a choice ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.data.tokenizer import END, TextTokenizer

Trie = dict[int, "Trie"]


def build_trie(tokenizer: TextTokenizer, choices: Sequence[str], end: int = END) -> Trie:
    """Trie of token ids; every choice ends with the end token."""
    root: Trie = {}
    for choice in choices:
        node = root
        for token in [*tokenizer.encode(choice), end]:
            node = node.setdefault(token, {})
    return root


@torch.no_grad()
def decode_choices(
    model: PreTrainedModel, prompts: Sequence[Tensor], trie: Trie, end: int = END, bias: Tensor | None = None
) -> list[list[int]]:
    """Chosen tokens (without the end token) for each prompt; prompts are input embeddings [length, hidden].

    `bias` [b, vocabulary] is added to the logits, of each token until it occurs in the answer. The prompt is computed
    anew at every step: choices have a few tokens, and a cache would have to hold prompts of unequal lengths.
    """
    table = model.get_input_embeddings()
    chosen: list[list[int]] = [[] for _ in prompts]
    nodes = [trie for _ in prompts]
    active = list(range(len(prompts)))
    bias = None if bias is None else bias.clone()
    while active:
        rows = [
            torch.cat([prompts[i], table(torch.tensor(chosen[i], dtype=torch.int64)).to(prompts[i].dtype)])
            for i in active
        ]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        hidden = model.base_model(inputs_embeds=padded, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(active)), torch.tensor([len(row) - 1 for row in rows])]
        logits = model.get_output_embeddings()(last).float()  # [active, vocabulary]
        logits = logits if bias is None else logits + bias[active]
        still_active = []
        for row, i in enumerate(active):
            allowed = sorted(nodes[i])
            token = allowed[int(logits[row, allowed].argmax())]
            nodes[i] = nodes[i][token]
            if bias is not None:
                bias[i, token] = 0.0
            if token != end:
                chosen[i].append(token)
                still_active.append(i)
        active = still_active
    return chosen
