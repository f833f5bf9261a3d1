"""What our vocabulary does not cover, case by case with the reason, and operators without a translation."""

from __future__ import annotations

from tests.oracles.onnx_nodes.suite import translated

TESTS = translated()
SCORES = "masks per query, caches, windows, caps, scores before the softmax, or half precision"
RESIZING = "a way to resize that MATLAB has not"

EXCLUDED = {
    **dict.fromkeys(("test_training_dropout", "test_training_dropout_mask", "test_training_dropout_default",
                     "test_training_dropout_default_mask"), "drawn with another generator"),
    **dict.fromkeys(("test_convtranspose_group_2", "test_convtranspose_group_2_image_3"),
                    "grouped transposed convolution: MATLAB has none"),
    "test_gemm_default_matrix_bias": "a bias that differs between observations is no fully connected layer",
    "test_lstm_with_peepholes": "MATLAB has no layer with peepholes",
    "test_spacetodepth_crd_mode_example": "MATLAB has one order for this direction",
    "test_sum_one_input": "addition layers have at least two inputs",
    "test_mean_one_input": "addition layers have at least two inputs",
    **dict.fromkeys(("test_clip_default_inbounds", "test_clip_default_int8_inbounds"), "no bound, so nothing to do"),
    **dict.fromkeys(("test_clip_default_int8_min", "test_clip_default_int8_max"), "whole numbers are not shifted"),
    **{f"test_sub_uint{bits}": "numbers without a sign" for bits in (8, 16, 32, 64)},
    "test_gather_negative_indices": "words are not counted from the last",
    **dict.fromkeys(("test_reduce_max_bool_inputs", "test_reduce_max_empty_set_bool"), "truth values have no maximum"),
    "test_reduce_max_empty_set": "nothing has no maximum",
    "test_slice_neg_steps": "cropping takes neighbours, in their order",
    "test_wrap_pad": "MATLAB has no circular padding",
    **{f"test_resize_{name}": "of two elements equally near ONNX takes the first, MATLAB the second" for name in (
        "downsample_sizes_nearest", "upsample_sizes_nearest", "upsample_sizes_nearest_axes_2_3",
        "upsample_sizes_nearest_axes_3_2")},
    **{name: RESIZING for name in TESTS if name.startswith("test_resize") and any(word in name for word in (
        "cubic", "antialias", "align_corners", "crop_and_resize", "half_pixel_symmetric", "pytorch_half_pixel",
        "not_larger", "not_smaller", "ceil_half_pixel"))},
    **{name: SCORES for name in TESTS if name.startswith("test_attention") and not name.endswith("window_default")
       and any(word in name for word in ("mask", "softcap", "past", "qk_matmul", "padded_kv", "nonpad", "window", "fp16",
                                         "bf16"))},
}

WITHOUT = {name: reason for reason, names in {
    "MATLAB has no such layer":
        "AffineGrid CausalConvWithState Col2Im DeformConv FlexAttention GridSample Hardmax LinearAttention "
        "LpNormalization LpPool RMSNormalization RNN RoiAlign RotaryEmbedding Shrink SwiGLU ThresholdedRelu",
    "no op of ours gives logarithms of probabilities, which only losses need":
        "LogSoftmax",
    "a function of NumPy, and no layer's":
        "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh CumProd CumSum Det Div Einsum Erf Exp Floor Log Max Min "
        "Mod Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare Round Sign Sin Sinh Softsign Sqrt Tan",
    "it moves or makes values in a way that no layer does":
        "ArrayFeatureExtractor Compress ConstantOfShape Constant EyeLike Expand GatherElements GatherND Identity "
        "NonMaxSuppression NonZero OneHot Range Reshape ReverseSequence Scatter ScatterElements ScatterND Squeeze "
        "TensorScatter Tile TopK Transpose Trilu Unique Unsqueeze Where",
    "truth values, bits, positions and sizes":
        "And ArgMax ArgMin Binarizer BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater "
        "GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Shape Size Xor",
    "other types of numbers, and quantised ones":
        "Cast CastLike ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul "
        "QuantizeLinear",
    "control, sequences, texts and trees":
        "If ImageDecoder LabelEncoder Loop OptionalGetElement OptionalHasElement RegexFullMatch Scan SequenceInsert "
        "SequenceMap SplitToSequence StringConcat StringNormalizer StringSplit TfIdfVectorizer TreeEnsemble",
    "signals":
        "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT",
    "random numbers of another generator":
        "Bernoulli",
    "a step of training, which our solvers take over all learnables at once":
        "Adagrad Adam Momentum",
}.items() for name in names.split()}
