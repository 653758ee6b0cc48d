"""WebGPU kernels on 4-bit and 8-bit weights without shared memory or barriers: the variant `portable`.

They follow the rules of linear_kernels.py: one invocation owns what it writes. What else decides their speed was measured on
SwiftShader, which turns a shader into CPU code that runs four invocations side by side. A load costs it 20 to 40 cycles (a bounds
check, and a check whether the four addresses are equal or adjacent), a multiplication and an addition 1.5, a conversion of an
int32 2.5, and a right shift 11 (it is done one invocation at a time). Hence:
- an invocation computes many columns, so that a load of x serves all of them, and many rows of a prompt, so that a load of
  weights does;
- nibbles are masked where they are and not shifted: nibble e of a word is then 16^e times too large, which x makes up for;
- float16 pairs are widened by the built-in function.
"""

from tvm.script import tirx as T

from training.package.webgpu_library.quantization import FORMATS

LANES = 4  # SwiftShader runs this many invocations side by side; they take adjacent columns
# Rows and columns of one invocation, and invocations of a workgroup (few, so that even a narrow matrix fills every core).
ONE_TOKEN = (1, 8, 8)
PROMPT = (4, 16, 4)


def widen_pair(word):
    """The two float16 numbers of a word, low half first, as a vector of float32."""
    return T.call_pure_extern("float32x2", "unpack2x16float", word)


def power_of_two(exponent):
    return T.reinterpret("float32", (exponent + 127) * (1 << 23))


def nibble(word, e):
    """Nibble e of a word times 16^e. The highest is shifted after all: as an int32 it would be negative."""
    mask = T.shift_left(T.uint32(15), T.Cast("uint32", e * 4))
    return T.if_then_else(
        e == 7,
        T.Cast("float32", T.Cast("int32", T.shift_right(word, T.uint32(28)))),
        T.Cast("float32", T.Cast("int32", T.bitwise_and(word, mask))),
    )


def nibble_factor(e):
    """What undoes the power of nibble()."""
    return power_of_two(T.if_then_else(e == 7, 0, -4 * e))


def signed_byte(word, e):
    """Byte e of a word as int8, times 2^24: moved to the top by a multiplication, where it brings its sign."""
    top = word * T.shift_left(T.uint32(1), T.Cast("uint32", 24 - 8 * e))
    return T.Cast("float32", T.reinterpret("int32", T.bitwise_and(top, T.uint32(0xFF000000))))


def linear(out_features: int, quantization: str, is_one_token: bool):
    """y = x @ dequantize(w)^T. x: [1, n, in_features], w and s: words and scales as quantization.py lays them out.

    Each invocation keeps rows x columns numbers of y in registers; its columns lie LANES apart, so that neighbouring
    invocations hold neighbouring columns. The sizes are arguments: with a kernel for each matrix of a layer, a load
    compiled shaders for 2 s longer.
    """
    form = FORMATS[quantization]
    per_word, words, per_scale = form.weights_per_word, form.words_per_block, form.blocks_per_scale_word
    has_minimum = form.has_minimum
    assert out_features % LANES == 0, f"out_features {out_features} must be a multiple of {LANES}"
    rows, columns, threads = ONE_TOKEN if is_one_token else PROMPT
    if out_features % (columns * threads):
        columns, threads = 1, LANES

    @T.prim_func(s_tir=True, private=True)
    def linear(var_x: T.handle, var_w: T.handle, var_s: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        width = T.int32()
        height = T.int32()
        row_words = T.int32()
        row_scales = T.int32()
        x = T.match_buffer(var_x, (1, n, width), "float32")
        w = T.match_buffer(var_w, (height, row_words), "uint32")
        s = T.match_buffer(var_s, (height, row_scales), "uint32")
        y = T.match_buffer(var_y, (1, n, height), "float32")
        for tile in T.thread_binding((n + rows - 1) // rows, thread="blockIdx.y"):
            for group in T.thread_binding(height // (columns * threads), thread="blockIdx.x"):
                for thread in T.thread_binding(threads, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        total = T.sblock_alloc_buffer((rows * columns,), "float32", scope="local")
                        part = T.sblock_alloc_buffer((rows * columns,), "float32", scope="local")  # of one block
                        plain = T.sblock_alloc_buffer((rows,), "float32", scope="local")  # sum of x over one block
                        left = T.sblock_alloc_buffer((rows,), "float32", scope="local")
                        right = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        word = T.sblock_alloc_buffer((columns,), "uint32", scope="local")
                        pair = T.sblock_alloc_buffer((2,), "float32", scope="local")
                        at: T.let[T.int32] = group * threads + thread
                        column: T.let[T.int32] = at // LANES * (LANES * columns) + at % LANES
                        for i in T.unroll(rows * columns):
                            total[i] = T.float32(0)
                        for b in T.serial(row_scales * per_scale):
                            for i in T.unroll(rows * columns):
                                part[i] = T.float32(0)
                            for i in T.unroll(rows):
                                plain[i] = T.float32(0)
                            for k in T.serial(words):
                                for j in T.unroll(columns):
                                    word[j] = w[column + LANES * j, b * words + k]
                                for e in T.unroll(per_word):
                                    for i in T.unroll(rows):
                                        left[i] = x[0, T.min(tile * rows + i, n - 1), b * 32 + k * per_word + e]
                                        if has_minimum:
                                            plain[i] = plain[i] + left[i]
                                            left[i] = left[i] * nibble_factor(e)
                                    for j in T.unroll(columns):
                                        if has_minimum:
                                            right[0] = nibble(word[j], e)
                                        else:
                                            right[0] = signed_byte(word[j], e)
                                        for i in T.unroll(rows):
                                            part[i * columns + j] = part[i * columns + j] + left[i] * right[0]
                            for j in T.unroll(columns):
                                if has_minimum:
                                    pair[T.Ramp(0, 1, 2)] = widen_pair(s[column + LANES * j, b])
                                    for i in T.unroll(rows):
                                        total[i * columns + j] = (
                                            total[i * columns + j]
                                            + part[i * columns + j] * pair[0]
                                            + plain[i] * pair[1]
                                        )
                                else:
                                    pair[T.Ramp(0, 1, 2)] = widen_pair(s[column + LANES * j, b // 2])
                                    right[0] = T.if_then_else(b % 2 == 0, pair[0], pair[1]) * power_of_two(-24)
                                    for i in T.unroll(rows):
                                        total[i * columns + j] = (
                                            total[i * columns + j] + part[i * columns + j] * right[0]
                                        )
                        for i in T.unroll(rows):
                            if tile * rows + i < n:
                                for j in T.unroll(columns):
                                    y[0, tile * rows + i, column + LANES * j] = total[i * columns + j]

    return linear


def embedding(vocab_size: int, width: int):
    """Rows of an 8-bit table. ids: [n] int32, w and s: the table [vocab_size, width], y: [n, width]."""
    form = FORMATS["q8_0"]
    words = form.weight_words(width)

    @T.prim_func(s_tir=True, private=True)
    def embedding(var_ids: T.handle, var_w: T.handle, var_s: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        ids = T.match_buffer(var_ids, (n,), "int32")
        w = T.match_buffer(var_w, (vocab_size, words), "uint32")
        s = T.match_buffer(var_s, (vocab_size, form.scale_words(width)), "uint32")
        y = T.match_buffer(var_y, (n, width), "float32")
        for block in T.thread_binding((n * words + 63) // 64, thread="blockIdx.x"):
            for thread in T.thread_binding(64, thread="threadIdx.x"):
                with T.sblock("embedding"):
                    T.reads()
                    T.writes()
                    pair = T.sblock_alloc_buffer((2,), "float32", scope="local")
                    word = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                    at: T.let[T.int32] = block * 64 + thread
                    if at < n * words:
                        token: T.let[T.int32] = at // words
                        k: T.let[T.int32] = at % words
                        word[0] = w[ids[token], k]
                        pair[T.Ramp(0, 1, 2)] = widen_pair(s[ids[token], k // 16])
                        for e in T.unroll(4):
                            y[token, k * 4 + e] = (
                                signed_byte(word[0], e)
                                * power_of_two(-24)
                                * T.if_then_else(k // 8 % 2 == 0, pair[0], pair[1])
                            )

    return embedding


def rms_norm(width: int, epsilon: float):
    """x / sqrt(mean(x^2) + epsilon) * weight, one row per invocation. x, y: [1, n, width].

    A single invocation is slow, but on SwiftShader not as slow as the barriers of a reduction in a workgroup.
    """

    @T.prim_func(s_tir=True, private=True)
    def rms_norm(var_x: T.handle, var_weight: T.handle, var_y: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        n = T.int32()
        x = T.match_buffer(var_x, (1, n, width), "float32")
        weight = T.match_buffer(var_weight, (width,), "float32")
        y = T.match_buffer(var_y, (1, n, width), "float32")
        for block in T.thread_binding((n + LANES - 1) // LANES, thread="blockIdx.x"):
            for thread in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("norm"):
                    T.reads()
                    T.writes()
                    mean = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    row: T.let[T.int32] = block * LANES + thread
                    if row < n:
                        mean[0] = T.float32(0)
                        for d in T.serial(width):
                            mean[0] = mean[0] + x[0, row, d] * x[0, row, d]
                        mean[0] = T.float32(1) / T.sqrt(mean[0] / T.float32(width) + T.float32(epsilon))
                        for d in T.serial(width):
                            y[0, row, d] = x[0, row, d] * mean[0] * weight[d]

    return rms_norm
