"""Writes a random Hugging Face style Llama checkpoint and the golden results of the numpy reference on it.

    python -m training.package.webgpu_library.check.make_check_model config.json checkpoint/

checkpoint/ gets config.json, model.safetensors, tokenizer.json (one token a byte), golden.json and golden.f32 (logits).
The reference computes with the weights rounded to bfloat16, as convert_weights.py stores them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
from pathlib import Path

import numpy

from training.package.webgpu_library.check.reference_llama import forward
from training.package.webgpu_library.checkpoint import narrow_to_bfloat16, widen_bfloat16
from training.package.webgpu_library.llama_config import LlamaConfig

CONTROL_TOKENS = ("<|end|>", "<|bos|>", "<|user|>", "<|assistant|>")
FIRST_BYTE = len(CONTROL_TOKENS)


def random_state(config: LlamaConfig, seed: int = 0) -> dict[str, numpy.ndarray]:
    """A random Hugging Face state dict whose logits have a size of about 1."""
    random = numpy.random.default_rng(seed)
    h, d, f = config.hidden_size, config.head_dim, config.intermediate_size

    def matrix(rows: int, columns: int, scale: float = 1.0) -> numpy.ndarray:
        return (random.standard_normal((rows, columns)) * scale / columns**0.5).astype("f4")

    # Embeddings far below the layers' outputs, or a tied head would only repeat the last token.
    state = {"model.embed_tokens.weight": matrix(config.vocab_size, h)}
    for index in range(config.num_hidden_layers):
        layer = f"model.layers.{index}."
        state |= {
            f"{layer}self_attn.q_proj.weight": matrix(config.num_attention_heads * d, h, 2.0),
            f"{layer}self_attn.k_proj.weight": matrix(config.num_key_value_heads * d, h, 2.0),
            f"{layer}self_attn.v_proj.weight": matrix(config.num_key_value_heads * d, h),
            f"{layer}self_attn.o_proj.weight": matrix(h, config.num_attention_heads * d),
            f"{layer}mlp.gate_proj.weight": matrix(f, h),
            f"{layer}mlp.up_proj.weight": matrix(f, h),
            f"{layer}mlp.down_proj.weight": matrix(h, f),
            f"{layer}input_layernorm.weight": random.uniform(0.5, 1.5, h).astype("f4"),
            f"{layer}post_attention_layernorm.weight": random.uniform(0.5, 1.5, h).astype("f4"),
        }
    state["model.norm.weight"] = random.uniform(0.5, 1.5, h).astype("f4")
    if not config.tie_word_embeddings:
        state["lm_head.weight"] = matrix(config.vocab_size, h, 4.0)
    return state


def write_safetensors(path: Path, state: dict[str, numpy.ndarray]) -> None:
    header, at = {}, 0
    for name, array in state.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in state.values():
            file.write(array.astype("<f4").tobytes())


def byte_tokenizer(vocab_size: int) -> dict[str, object]:
    """Byte-level BPE without merges: token FIRST_BYTE + b is byte b; ids above are fillers, so that each id decodes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(rest)}
    vocabulary = {text: index for index, text in enumerate(CONTROL_TOKENS)}
    vocabulary |= {symbols[byte]: FIRST_BYTE + byte for byte in range(256)}
    vocabulary |= {f"filler{index}": index for index in range(FIRST_BYTE + 256, vocab_size)}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": text} | flags for index, text in enumerate(CONTROL_TOKENS)],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }


def user_turn(text: str) -> list[int]:
    """Ids of `<|user|>` text `<|assistant|>`."""
    return [2, *(FIRST_BYTE + byte for byte in text.encode()), 3]


class Golden:
    """Collects cases; each is a list of turns fed to one KV cache, then greedy decoding."""

    def __init__(self, config: LlamaConfig, state: dict[str, numpy.ndarray]):
        self.config = config
        self.cases: list[dict[str, object]] = []
        self.logits: list[numpy.ndarray] = []
        self.state = {name: value.astype("f8") for name, value in state.items()}
        self.table = state["model.embed_tokens.weight"]

    def step(self, ids: list[int]) -> int:
        logits = forward(self.config, self.state, self.table[ids])
        self.logits.append(logits.astype("f4"))
        return int(logits.argmax())

    def add(self, name: str, turns: list[list[int]], generate: int) -> None:
        ids, first, tokens = [], len(self.logits), []
        for turn in turns:
            ids += turn
            tokens.append(self.step(ids))
        for _ in range(generate):
            ids.append(tokens[-1])
            tokens.append(self.step(ids))
        self.cases.append({"name": name, "turns": turns, "tokens": tokens, "firstLogits": first})

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        ids = list(prompt)
        for _ in range(count):
            ids.append(int(forward(self.config, self.state, self.table[ids]).argmax()))
        return ids[len(prompt) :]

    def chat(self) -> dict[str, object]:
        """Two chat turns; the first one ends at a stop token, so WebLLM keeps its KV cache and feeds only the second
        turn.

        The stop token and the separator after it never enter the cache: that is how WebLLM 0.2.86 behaves.
        """
        texts = ["Who are you?", "And what do you like to read in the evening?"]
        prompt = [1, *user_turn(texts[0])]
        first = self.greedy(prompt, 8)
        length = next(index for index in range(3, 8) if first[index] not in first[:index])
        second = self.greedy(prompt + first[:length] + user_turn(texts[1]), 8)
        return {"texts": texts, "stopToken": first[length], "tokens": [first[: length + 1], second]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("checkpoint", type=Path)
    arguments = parser.parse_args()
    folder: Path = arguments.checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    config = LlamaConfig.load(arguments.config)
    if config.vocab_size < FIRST_BYTE + 256:
        raise ValueError(f"vocab_size is {config.vocab_size}: the byte tokenizer needs at least {FIRST_BYTE + 256}")
    state = random_state(config)
    shutil.copyfile(arguments.config, folder / "config.json")
    write_safetensors(folder / "model.safetensors", state)
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer(config.vocab_size)), encoding="utf-8")

    golden = Golden(config, {name: widen_bfloat16(narrow_to_bfloat16(value)) for name, value in state.items()})
    random = numpy.random.default_rng(1)
    chunk = config.prefill_chunk_size

    def ids(count: int) -> list[int]:
        return random.integers(FIRST_BYTE, FIRST_BYTE + 256, count).tolist()

    golden.add("prompt shorter than a chunk", [ids(min(20, chunk - 1))], 8)
    golden.add("prompt of one token", [ids(1)], 4)
    golden.add("prompt of two chunks and a rest", [ids(2 * chunk + 9)], 4)
    golden.add("prompt to the end of the context window", [ids(config.context_window_size - 4)], 4)
    golden.add("second and third turn on a filled cache", [ids(12), ids(7), ids(chunk + 3)], 4)
    document = {"vocabSize": config.vocab_size, "cases": golden.cases, "chat": golden.chat()}
    (folder / "golden.json").write_text(json.dumps(document), encoding="utf-8")
    numpy.stack(golden.logits).tofile(folder / "golden.f32")
    print(f"{folder}: {len(golden.cases)} cases, {len(golden.logits)} rows of logits")


if __name__ == "__main__":
    main()
