"""WebGPU kernels of the decoder that replace those of TVM: attention over a paged KV cache.

None of these kernels uses shared memory or barriers, and none has a data race: one invocation owns what it writes. Both
matter on SwiftShader (WebGPU on the CPU). It runs the invocations of a workgroup one group of lanes after the other, so a race
that a GPU hides by lock-step gives wrong numbers, and each barrier costs a switch of every group. Each function returns a
scheduled TIR function.
"""

import math

from tvm.script import tirx as T

KEY_TILE = 8  # keys per softmax update


def _attend(head_dim: int, read):
    """The body of both attention kernels: one (token, head) row per invocation, softmax on the fly over KEY_TILE keys at a time.

    read(pool, pages, part, position, head, d) gives key (part 0) or value (part 1). Scores are in base 2, as the merge expects.
    """

    @T.macro
    def attend(q, pools, pages, output, lse, token, head, kv_head, limit, scale):
        query = T.sblock_alloc_buffer((head_dim,), "float32", scope="local")
        mixed = T.sblock_alloc_buffer((head_dim,), "float32", scope="local")
        score = T.sblock_alloc_buffer((KEY_TILE,), "float32", scope="local")
        top = T.sblock_alloc_buffer((2,), "float32", scope="local")  # largest score before and after this tile
        mass = T.sblock_alloc_buffer((1,), "float32", scope="local")
        for d in T.serial(head_dim):
            query[d] = q[token, head, d] * (scale * T.float32(math.log2(math.e)))
            mixed[d] = T.float32(0)
        top[0] = T.float32(-1e30)
        mass[0] = T.float32(0)
        for tile in T.serial((limit + KEY_TILE - 1) // KEY_TILE):
            for j in T.unroll(KEY_TILE):
                score[j] = T.float32(0)
            for d in T.serial(head_dim):
                for j in T.unroll(KEY_TILE):
                    score[j] = score[j] + query[d] * read(
                        pools, pages, 0, T.min(tile * KEY_TILE + j, limit - 1), kv_head, d
                    )
            top[1] = top[0]
            for j in T.unroll(KEY_TILE):
                if tile * KEY_TILE + j >= limit:
                    score[j] = T.float32(-1e30)
                top[1] = T.max(top[1], score[j])
            mass[0] = mass[0] * T.exp2(top[0] - top[1])
            for j in T.unroll(KEY_TILE):
                score[j] = T.exp2(score[j] - top[1])
                mass[0] = mass[0] + score[j]
            for d in T.serial(head_dim):
                mixed[d] = mixed[d] * T.exp2(top[0] - top[1])
                for j in T.unroll(KEY_TILE):
                    mixed[d] = mixed[d] + score[j] * read(
                        pools, pages, 1, T.min(tile * KEY_TILE + j, limit - 1), kv_head, d
                    )
            top[0] = top[1]
        for d in T.serial(head_dim):
            output[token, head, d] = mixed[d] / mass[0]
        lse[token, head] = top[0] + T.log2(mass[0])

    return attend


def attention_new(num_heads: int, num_kv_heads: int, head_dim: int):
    """Causal attention of the n tokens of this call among themselves. One sequence only, so the index pointers are not read."""
    attend = _attend(head_dim, lambda pools, _, part, position, head, d: pools[part][position, head, d])
    group = num_heads // num_kv_heads

    @T.prim_func(s_tir=True, private=True)
    def attention_new(
        var_q: T.handle,
        var_q_indptr: T.handle,
        var_k: T.handle,
        var_v: T.handle,
        var_kv_indptr: T.handle,
        var_q_position: T.handle,
        var_k_position: T.handle,
        var_output: T.handle,
        var_lse: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        scale: T.float32,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        q = T.match_buffer(var_q, (n, num_heads, head_dim), "float32")
        k = T.match_buffer(var_k, (n, num_kv_heads, head_dim), "float32")
        v = T.match_buffer(var_v, (n, num_kv_heads, head_dim), "float32")
        output = T.match_buffer(var_output, (n, num_heads, head_dim), "float32")
        lse = T.match_buffer(var_lse, (n, num_heads), "float32")
        for block in T.thread_binding((n * num_heads + 31) // 32, thread="blockIdx.x"):
            for thread in T.thread_binding(32, thread="threadIdx.x"):
                with T.sblock("attention"):
                    T.reads()
                    T.writes()
                    at: T.let[T.int32] = block * 32 + thread
                    if at < n * num_heads:
                        token: T.let[T.int32] = at // num_heads
                        head: T.let[T.int32] = (
                            at % num_heads
                        )  # never divide by n: TVM writes a dynamic floor division out at every use
                        attend(q, (k, v), (), output, lse, token, head, head // group, token + 1, scale)

    return attention_new


def attention_cached(num_heads: int, num_kv_heads: int, head_dim: int, is_decode: bool, page_size: int = 16):
    """Attention of n tokens over all tokens in the paged cache of one sequence.

    pages: [pages, 2, num_kv_heads, page_size, head_dim]; page_values: the sequence's pages in order; last: [1] tokens in its last
    page. The runtime passes the same arguments in two orders: for prompts (with the flag `causal`), and for decoding.
    """

    def read(pools, pages, part, position, head, d):
        return pools[pages[position // page_size], part, head, position % page_size, d]

    attend = _attend(head_dim, read)
    group = num_heads // num_kv_heads

    @T.macro
    def body(var_q, var_pages, var_page_values, var_last, var_output, var_lse, scale):
        n = T.int32()
        used = T.int32()
        total = T.int32()
        sequences = T.int32()
        pages_offset = T.int64()
        values_offset = T.int32()
        last_offset = T.int32()
        q = T.match_buffer(var_q, (n, num_heads, head_dim), "float32")
        pages = T.match_buffer(
            var_pages, (total, 2, num_kv_heads, page_size, head_dim), "float32", elem_offset=pages_offset
        )
        page_values = T.match_buffer(var_page_values, (used,), "int32", elem_offset=values_offset)
        last = T.match_buffer(var_last, (sequences,), "int32", elem_offset=last_offset)
        output = T.match_buffer(var_output, (n, num_heads, head_dim), "float32")
        lse = T.match_buffer(var_lse, (n, num_heads), "float32")
        for block in T.thread_binding((n * num_heads + 31) // 32, thread="blockIdx.x"):
            for thread in T.thread_binding(32, thread="threadIdx.x"):
                with T.sblock("attention"):
                    T.reads()
                    T.writes()
                    at: T.let[T.int32] = block * 32 + thread
                    if at < n * num_heads:
                        token: T.let[T.int32] = at // num_heads
                        head: T.let[T.int32] = (
                            at % num_heads
                        )  # never divide by n: TVM writes a dynamic floor division out at every use
                        limit: T.let[T.int32] = (used - 1) * page_size + last[0]
                        attend(q, pages, page_values, output, lse, token, head, head // group, limit, scale)

    if is_decode:

        @T.prim_func(s_tir=True, private=True)
        def attention_decode(
            q: T.handle,
            pages: T.handle,
            page_indptr: T.handle,
            page_values: T.handle,
            last: T.handle,
            k_position: T.handle,
            q_position: T.handle,
            output: T.handle,
            lse: T.handle,
            rotary_mode: T.int32,
            rope_scale: T.float32,
            rope_theta: T.float32,
            scale: T.float32,
        ):
            T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
            body(q, pages, page_values, last, output, lse, scale)

        return attention_decode

    @T.prim_func(s_tir=True, private=True)
    def attention_prefill(
        q: T.handle,
        q_indptr: T.handle,
        pages: T.handle,
        page_indptr: T.handle,
        page_values: T.handle,
        last: T.handle,
        k_position: T.handle,
        q_position: T.handle,
        output: T.handle,
        lse: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        scale: T.float32,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        body(q, pages, page_values, last, output, lse, scale)

    return attention_prefill


def merge_attention_states(num_heads: int, head_dim: int):
    """Merges two partial attention results in place: v, s <- softmax-weighted mean of (v, s) and (v_other, s_other).

    v, v_other: [n, num_heads, head_dim] outputs; s, s_other: [n, num_heads] base-2 log-sum-exp of their scores.
    One invocation owns one (token, head) row: it reads both scores before it writes s, and nobody else touches them.
    """

    @T.prim_func(s_tir=True, private=True)
    def merge_attention_states(v: T.handle, s: T.handle, v_other: T.handle, s_other: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        output = T.match_buffer(v, (n, num_heads, head_dim), "float32")
        score = T.match_buffer(s, (n, num_heads), "float32")
        output_other = T.match_buffer(v_other, (n, num_heads, head_dim), "float32")
        score_other = T.match_buffer(s_other, (n, num_heads), "float32")
        for block in T.thread_binding((n * num_heads + 63) // 64, thread="blockIdx.x"):
            for thread in T.thread_binding(64, thread="threadIdx.x"):
                with T.sblock("merge"):
                    weight = T.sblock_alloc_buffer((2,), "float32", scope="local")
                    top = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    row: T.let[T.int32] = block * 64 + thread
                    if row < n * num_heads:
                        token: T.let[T.int32] = row // num_heads
                        head: T.let[T.int32] = row % num_heads
                        top[0] = T.max(score[token, head], score_other[token, head])
                        weight[0] = T.exp2(score[token, head] - top[0])
                        weight[1] = T.exp2(score_other[token, head] - top[0])
                        for d in T.serial(head_dim):
                            output[token, head, d] = (
                                output[token, head, d] * weight[0] + output_other[token, head, d] * weight[1]
                            ) / (weight[0] + weight[1])
                        score[token, head] = top[0] + T.log2(weight[0] + weight[1])

    return merge_attention_states
