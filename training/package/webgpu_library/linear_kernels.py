"""WebGPU kernels of the decoder that replace those of TVM: linear layers and rotary embedding.

None of these kernels uses shared memory or barriers, and none has a data race: one invocation owns what it writes. Both
matter on SwiftShader (WebGPU on the CPU). It runs the invocations of a workgroup one group of lanes after the other, so a race
that a GPU hides by lock-step gives wrong numbers, and each barrier costs a switch of every group. Each function returns a
scheduled TIR function.
"""

from tvm.script import tirx as T

THREADS = 256  # the largest workgroup that every WebGPU device supports


def linear(in_features: int, out_features: int, tile: int):
    """y = x @ w^T without shared memory or barriers. x: [1, n, in_features], w: [out_features, in_features].

    Each invocation keeps a tile x tile block of y in registers (tile 1 for one token, 4 for a prompt). A barrier costs SwiftShader
    a switch of every lane group: TVM's schedules with shared memory run 10 to 70 times slower there.
    """
    assert out_features % tile == 0, f"out_features {out_features} must be a multiple of {tile}"
    columns = out_features // tile

    @T.prim_func(s_tir=True, private=True)
    def linear(var_x: T.handle, var_w: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        x = T.match_buffer(var_x, (1, n, in_features), "float32")
        w = T.match_buffer(var_w, (out_features, in_features), "float32")
        y = T.match_buffer(var_y, (1, n, out_features), "float32")
        for block in T.thread_binding(((n + tile - 1) // tile * columns + 63) // 64, thread="blockIdx.x"):
            for thread in T.thread_binding(64, thread="threadIdx.x"):
                with T.sblock("linear"):
                    total = T.sblock_alloc_buffer((tile * tile,), "float32", scope="local")
                    left = T.sblock_alloc_buffer((tile,), "float32", scope="local")
                    right = T.sblock_alloc_buffer((tile,), "float32", scope="local")
                    at: T.let[T.int32] = block * 64 + thread
                    if at < (n + tile - 1) // tile * columns:
                        row: T.let[T.int32] = at // columns * tile
                        column: T.let[T.int32] = at % columns * tile
                        for i in T.unroll(tile * tile):
                            total[i] = T.float32(0)
                        for k in T.serial(in_features):
                            for i in T.unroll(tile):
                                left[i] = x[0, T.min(row + i, n - 1), k]
                                right[i] = w[column + i, k]
                            for i in T.unroll(tile):
                                for j in T.unroll(tile):
                                    total[i * tile + j] = total[i * tile + j] + left[i] * right[j]
                        for i in T.unroll(tile):
                            if row + i < n:
                                for j in T.unroll(tile):
                                    y[0, row + i, column + j] = total[i * tile + j]

    return linear


def split_and_rotate(num_heads: int, num_kv_heads: int, head_dim: int, context_window_size: int):
    """Splits fused qkv into q, k, v and rotates q and k by a table instead of sin, cos and pow in the shader.

    qkv: [n, num_heads + 2 * num_kv_heads, head_dim], position: [n] int32, table: [context_window_size, head_dim] with the
    cosines in its first half and the sines in its second. WGSL guarantees sin and cos to 2^-11 only; SwiftShader uses that
    freedom, which moved logits of size 3 by 4e-3.
    """
    fused = num_heads + 2 * num_kv_heads
    half = head_dim // 2

    @T.prim_func(s_tir=True, private=True)
    def split_and_rotate(
        var_qkv: T.handle,
        var_position: T.handle,
        var_q: T.handle,
        var_k: T.handle,
        var_v: T.handle,
        var_table: T.handle,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        position_offset = T.int32()
        qkv = T.match_buffer(var_qkv, (n, fused, head_dim), "float32")
        position = T.match_buffer(var_position, (n,), "int32", elem_offset=position_offset)
        q = T.match_buffer(var_q, (n, num_heads, head_dim), "float32")
        k = T.match_buffer(var_k, (n, num_kv_heads, head_dim), "float32")
        v = T.match_buffer(var_v, (n, num_kv_heads, head_dim), "float32")
        table = T.match_buffer(var_table, (context_window_size, head_dim), "float32")
        for block in T.thread_binding((n * fused * half + THREADS - 1) // THREADS, thread="blockIdx.x"):
            for thread in T.thread_binding(THREADS, thread="threadIdx.x"):
                with T.sblock("rotate"):
                    turned = T.sblock_alloc_buffer((2,), "float32", scope="local")
                    at: T.let[T.int32] = block * THREADS + thread
                    if at < n * fused * half:
                        token: T.let[T.int32] = at // (fused * half)
                        head: T.let[T.int32] = at // half % fused
                        d: T.let[T.int32] = at % half
                        row: T.let[T.int32] = T.min(position[token], context_window_size - 1)
                        turned[0] = (
                            qkv[token, head, d] * table[row, d] - qkv[token, head, d + half] * table[row, d + half]
                        )
                        turned[1] = (
                            qkv[token, head, d + half] * table[row, d] + qkv[token, head, d] * table[row, d + half]
                        )
                        if head < num_heads:
                            q[token, head, d] = turned[0]
                            q[token, head, d + half] = turned[1]
                        elif head < num_heads + num_kv_heads:
                            k[token, head - num_heads, d] = turned[0]
                            k[token, head - num_heads, d + half] = turned[1]
                        else:
                            v[token, head - num_heads - num_kv_heads, d] = qkv[token, head, d]
                            v[token, head - num_heads - num_kv_heads, d + half] = qkv[token, head, d + half]

    return split_and_rotate
