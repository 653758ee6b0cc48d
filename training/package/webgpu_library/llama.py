"""A Llama decoder in TVM's Relax `nn` frontend, with exactly the functions that WebLLM calls in a model library.

Shapes: h = hidden_size, v = vocab_size, n = tokens of this call. Everything but quantized weights is float32:
SwiftShader has no shader-f16.
"""

from tvm import te
from tvm.relax.frontend import nn
from tvm.relax.frontend.nn import op
from tvm.relax.frontend.nn.llm.kv_cache import PagedKVCache
from tvm.target import Target

from training.package.webgpu_library import sampling_kernels
from training.package.webgpu_library.kv_cache import KVCache
from training.package.webgpu_library.llama_config import LlamaConfig
from training.package.webgpu_library.matrices import Build, RMSNorm, matrix


class Attention(nn.Module):
    def __init__(self, config: LlamaConfig, build: Build):
        self.config = config
        heads = config.num_attention_heads + 2 * config.num_key_value_heads
        self.qkv_proj = matrix(config.hidden_size, heads * config.head_dim, build)
        self.o_proj = matrix(config.num_attention_heads * config.head_dim, config.hidden_size, build)

    def forward(self, x: nn.Tensor, cache: PagedKVCache, layer: int) -> nn.Tensor:
        config = self.config
        heads = config.num_attention_heads + 2 * config.num_key_value_heads
        batch, n, _ = x.shape
        qkv = op.reshape(self.qkv_proj(x), (batch, n, heads, config.head_dim))
        mixed = cache.attention_with_fused_qkv(layer, qkv, config.num_attention_heads, config.head_dim**-0.5)
        return self.o_proj(op.reshape(mixed, (batch, n, config.num_attention_heads * config.head_dim)))


class FeedForward(nn.Module):
    def __init__(self, config: LlamaConfig, build: Build):
        self.gate_up_proj = matrix(config.hidden_size, 2 * config.intermediate_size, build)
        self.down_proj = matrix(config.intermediate_size, config.hidden_size, build)

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        gate, up = op.split(self.gate_up_proj(x), 2, axis=-1)
        return self.down_proj(op.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, config: LlamaConfig, build: Build):
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps, build)
        self.self_attn = Attention(config, build)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps, build)
        self.mlp = FeedForward(config, build)

    def forward(self, x: nn.Tensor, cache: PagedKVCache, layer: int) -> nn.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cache, layer)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, config: LlamaConfig, build: Build):
        self.embed_tokens = matrix(config.hidden_size, config.vocab_size, build, is_table=True)
        self.layers = nn.ModuleList([Layer(config, build) for _ in range(config.num_hidden_layers)])
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps, build)


class Llama(nn.Module):
    """The methods below are the library's functions; WebLLM finds them by these names."""

    def __init__(self, config: LlamaConfig, target: Target, build: Build):
        self.config = config
        self.target = target
        self.model = Decoder(config, build)
        if not config.tie_word_embeddings:
            self.lm_head = matrix(config.hidden_size, config.vocab_size, build, is_table=True)

    def embed(self, input_ids: nn.Tensor) -> nn.Tensor:
        return self.model.embed_tokens.rows(input_ids)

    def prefill(self, input_embeds: nn.Tensor, cache: PagedKVCache):
        x = input_embeds
        for index, layer in enumerate(self.model.layers):
            x = layer(x, cache, index)

        def last_token(hidden):
            batch, n, width = hidden.shape
            return te.compute((batch, 1, width), lambda b, _, d: hidden[b, n - 1, d])

        x = self.model.norm(op.tensor_expr_op(last_token, "last_token", [x]))
        head = self.model.embed_tokens if self.config.tie_word_embeddings else self.lm_head
        return head(x), cache

    def decode(self, input_embeds: nn.Tensor, cache: PagedKVCache):
        return self.prefill(input_embeds, cache)

    def create_tir_paged_kv_cache(
        self, max_batch_size, max_total_seq_len, prefill_chunk_size, page_size, sliding_window
    ):
        sizes = [max_batch_size, max_total_seq_len, prefill_chunk_size, page_size, sliding_window]
        return KVCache(self.config, sizes, self.target)

    def softmax_with_temperature(self, logits: nn.Tensor, temperature: nn.Tensor) -> nn.Tensor:
        return op.softmax(logits / op.reshape(temperature, (temperature.shape[0], 1, 1)), axis=-1)

    def argsort_probs(self, probs: nn.Tensor):
        """WebLLM hands both results, unread, to sample_with_top_p. Ours needs no order, so there is nothing to sort."""
        return probs, probs

    def sample_with_top_p(self, probs, _unused, uniform, _rows, top_p):
        """WebLLM samples row i of n = 1 rows; `_rows` is always [0]."""
        return op.tensor_ir_op(
            sampling_kernels.sample_top_p(self.config.vocab_size),
            "sample_top_p",
            [probs, uniform, top_p],
            nn.Tensor.placeholder((probs.shape[0],), "int32"),
        )

    def _edit_logits(self, kernel, name, logits, *rest):
        return op.tensor_ir_inplace_op(kernel, name, [logits, *rest], 0, nn.Tensor.placeholder(logits.shape, "float32"))

    def apply_bitmask_inplace(self, logits, rows, bitmask):
        return self._edit_logits(
            sampling_kernels.apply_bitmask(self.config.vocab_size), "apply_bitmask", logits, rows, bitmask
        )

    def apply_logit_bias_inplace(self, logits, rows, tokens, bias):
        kernel = sampling_kernels.apply_logit_bias(self.config.vocab_size)
        return self._edit_logits(kernel, "apply_logit_bias", logits, rows, tokens, bias)

    def apply_penalty_inplace(self, logits, slots, rows, tokens, counts, penalties):
        kernel = sampling_kernels.apply_penalty(self.config.vocab_size)
        return self._edit_logits(kernel, "apply_penalty", logits, slots, rows, tokens, counts, penalties)

    def specification(self) -> dict:
        """Argument shapes per function; strings are dynamic. "packed" passes the weights as one last argument."""
        h, v = self.config.hidden_size, self.config.vocab_size
        tensor = nn.spec.Tensor
        cache = nn.spec.Object(object_type=PagedKVCache)
        mode = {"param_mode": "none", "effect_mode": "none"}
        packed = {"param_mode": "packed", "effect_mode": "none"}
        return {
            "embed": {"input_ids": tensor(["n"], "int32"), "$": packed},
            "prefill": {"input_embeds": tensor([1, "n", h], "float32"), "cache": cache, "$": packed},
            "decode": {"input_embeds": tensor([1, 1, h], "float32"), "cache": cache, "$": packed},
            "create_tir_paged_kv_cache": {
                name: int
                for name in ("max_batch_size", "max_total_seq_len", "prefill_chunk_size", "page_size", "sliding_window")
            }
            | {"$": mode},
            "softmax_with_temperature": {
                "logits": tensor(["batch", 1, v], "float32"),
                "temperature": tensor(["batch"], "float32"),
                "$": mode,
            },
            "argsort_probs": {"probs": tensor(["batch", v], "float32"), "$": mode},
            "sample_with_top_p": {
                "probs": tensor(["batch", v], "float32"),
                "_unused": tensor(["batch", v], "float32"),
                "uniform": tensor(["batch"], "float32"),
                "_rows": tensor(["batch"], "int32"),
                "top_p": tensor(["batch"], "float32"),
                "$": mode,
            },
            "apply_bitmask_inplace": {
                "logits": tensor(["batch", v], "float32"),
                "rows": tensor(["k"], "int32"),
                "bitmask": tensor(["k", (v + 31) // 32], "int32"),
                "$": mode,
            },
            "apply_logit_bias_inplace": {
                "logits": tensor(["batch", v], "float32"),
                "rows": tensor(["m"], "int32"),
                "tokens": tensor(["m"], "int32"),
                "bias": tensor(["m"], "float32"),
                "$": mode,
            },
            "apply_penalty_inplace": {
                "logits": tensor(["batch", v], "float32"),
                "slots": tensor(["k"], "int32"),
                "rows": tensor(["m"], "int32"),
                "tokens": tensor(["m"], "int32"),
                "counts": tensor(["m"], "int32"),
                "penalties": tensor(["k", 3], "float32"),
                "$": mode,
            },
        }
