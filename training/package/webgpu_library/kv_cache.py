"""TVM's paged KV cache with our kernels, and the rope table they read."""

import numpy
from tvm import ir, relax, tirx
from tvm.relax.frontend.nn.llm import kv_cache as tvm_kv_cache
from tvm.target import Target

from training.package.webgpu_library import attention_kernels, linear_kernels
from training.package.webgpu_library.llama_config import LlamaConfig


def rope_table(config: LlamaConfig) -> numpy.ndarray:
    """[context_window_size, head_dim]: cosines, then sines, of position / theta^(2i / head_dim), in float64."""
    frequency = config.rope_theta ** -(numpy.arange(0, config.head_dim, 2) / config.head_dim)
    angle = numpy.arange(config.context_window_size)[:, None] * frequency
    return numpy.concatenate([numpy.cos(angle), numpy.sin(angle)], axis=1).astype("float32")


class KVCache(tvm_kv_cache.PagedKVCache):
    """TVM's paged KV cache with only the kernels that a plain causal decoder without sliding window uses.

    TVM's own TIRPagedKVCache also adds sliding-window, tree-mask and MLA kernels; each costs download and, above all,
    shader compilation at load. The runtime takes an empty tuple for a missing kernel.
    """

    def __init__(self, config: LlamaConfig, sizes: list[tirx.Var], target: Target):
        builder = relax.BlockBuilder.current()
        layers, heads, kv_heads, dim = (
            config.num_hidden_layers,
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )

        def add(function, name):
            return builder.add_func(function, name)

        def attention(function, name):
            return relax.Tuple([ir.StringImm("tirx"), add(function, name)])

        absent = relax.Tuple([])
        arguments = [
            relax.ShapeExpr(sizes),  # sequences, context tokens, prefill chunk, page size, sliding window flag
            relax.ShapeExpr([0, layers]),
            relax.prim_value(heads),
            relax.prim_value(kv_heads),
            relax.prim_value(dim),
            relax.prim_value(dim),
            relax.ShapeExpr([int(tvm_kv_cache.AttnKind.MHA)] * layers),
            relax.prim_value(False),  # no transfer between devices
            relax.prim_value(int(tvm_kv_cache.RopeMode.NORMAL)),
            relax.prim_value(1),
            relax.prim_value(config.rope_theta),
            # The runtime hands this "rope extension factors" tensor to the rope kernel, unread: ours takes its table
            # that way.
            relax.const(rope_table(config)),
            relax.op.zeros((), "float32"),  # only its dtype and device are read
            add(tvm_kv_cache._kv_cache_transpose_append(kv_heads, dim, "float32"), "kv_cache_append"),
            relax.prim_value(0),  # append for MLA
            attention(attention_kernels.attention_new(heads, kv_heads, dim), "attention_new"),
            attention(attention_kernels.attention_cached(heads, kv_heads, dim, is_decode=False), "attention_cached"),
            attention(attention_kernels.attention_cached(heads, kv_heads, dim, is_decode=True), "attention_decode"),
            absent,  # prefill, sliding window
            absent,  # decode, sliding window
            absent,  # prefill with tree mask on the cache
            absent,  # prefill with tree mask
            absent,  # MLA prefill
            relax.Tuple([add(attention_kernels.merge_attention_states(heads, dim), "attention_merge")]),
            add(linear_kernels.split_and_rotate(heads, kv_heads, dim, config.context_window_size), "rope"),
            add(tvm_kv_cache._copy_single_page(kv_heads, 16, dim, "float32", target), "kv_cache_copy_page"),
            add(tvm_kv_cache._kv_cache_debug_get_kv(layers, kv_heads, dim, "float32"), "kv_cache_read"),
            add(tvm_kv_cache._compact_kv_copy(kv_heads, dim, "float32", target), "kv_cache_compact"),
        ]
        super().__init__(
            _expr=relax.call_pure_packed(
                "vm.builtin.paged_attention_kv_cache_create", *arguments, ty_args=relax.AnyType()
            ),
            _name="paged_kv_cache",
        )
