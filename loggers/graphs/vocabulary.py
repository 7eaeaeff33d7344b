"""The vocabulary: one name for what the frameworks call by many names, so that graphs of two of them can be laid side by side.

`normal` takes any framework's name of a layer, function or operation. The table is the only list of names; the name that the
framework used is kept in the operation's attribute ``original``. A name that the table does not know is only brought into one
shape ("my_op" -> "MyOp").
"""

from __future__ import annotations

import re
from typing import Any, Final

# Normal name -> other names of the same thing. Names are compared without case, "_" and what stands before the last dot; a
# trailing "_" (in place), "V2" and double underscores do not count. Sources: torch.nn, torch.nn.functional, torch.Tensor and
# aten of PyTorch 2.13; keras.layers and keras.ops of Keras 3; tf.raw_ops of TensorFlow 2.21.
LAYERS: Final[dict[str, str]] = {
    "Linear": "Linear Dense addmm LazyLinear NonDynamicallyQuantizableLinear FusedMatMul",
    "EinsumDense": "EinsumDense",
    "Bilinear": "Bilinear",
    "Conv1d": "Conv1d LazyConv1d Convolution1D",
    "Conv2d": "Conv2d LazyConv2d Convolution2D FusedConv2D",
    "Conv3d": "Conv3d LazyConv3d Convolution3D",
    "Convolution": "Convolution Conv",
    "DepthwiseConv1d": "DepthwiseConv1D",
    "DepthwiseConv2d": "DepthwiseConv2D DepthwiseConv2dNative DepthwiseConv",
    "SeparableConv1d": "SeparableConv1D",
    "SeparableConv2d": "SeparableConv2D SeparableConv",
    "ConvTranspose1d": "ConvTranspose1d Conv1DTranspose Convolution1DTranspose LazyConvTranspose1d",
    "ConvTranspose2d": "ConvTranspose2d Conv2DTranspose Convolution2DTranspose Conv2DBackpropInput LazyConvTranspose2d",
    "ConvTranspose3d": "ConvTranspose3d Conv3DTranspose Convolution3DTranspose Conv3DBackpropInputV2 LazyConvTranspose3d",
    "MaxPool1d": "MaxPool1d MaxPooling1D max_pool1d_with_indices",
    "MaxPool2d": "MaxPool2d MaxPooling2D MaxPool max_pool2d_with_indices",
    "MaxPool3d": "MaxPool3d MaxPooling3D max_pool3d_with_indices",
    "AvgPool1d": "AvgPool1d AveragePooling1D AveragePool1d",
    "AvgPool2d": "AvgPool2d AveragePooling2D AvgPool AveragePool",
    "AvgPool3d": "AvgPool3d AveragePooling3D",
    "AdaptiveAvgPool1d": "AdaptiveAvgPool1d AdaptiveAveragePooling1D",
    "AdaptiveAvgPool2d": "AdaptiveAvgPool2d AdaptiveAveragePooling2D",
    "AdaptiveAvgPool3d": "AdaptiveAvgPool3d AdaptiveAveragePooling3D",
    "AdaptiveMaxPool1d": "AdaptiveMaxPool1d AdaptiveMaxPooling1D",
    "AdaptiveMaxPool2d": "AdaptiveMaxPool2d AdaptiveMaxPooling2D",
    "AdaptiveMaxPool3d": "AdaptiveMaxPool3d AdaptiveMaxPooling3D",
    "GlobalAvgPool1d": "GlobalAveragePooling1D GlobalAvgPool1D",
    "GlobalAvgPool2d": "GlobalAveragePooling2D GlobalAvgPool2D",
    "GlobalAvgPool3d": "GlobalAveragePooling3D GlobalAvgPool3D",
    "GlobalMaxPool1d": "GlobalMaxPooling1D GlobalMaxPool1D",
    "GlobalMaxPool2d": "GlobalMaxPooling2D GlobalMaxPool2D",
    "GlobalMaxPool3d": "GlobalMaxPooling3D GlobalMaxPool3D",
    "BatchNorm": "BatchNorm BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm BatchNormalization FusedBatchNorm native_batch_norm "
    "cudnn_batch_norm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d batch_norm_with_update "
    "native_batch_norm_legit native_batch_norm_legit_no_training",
    "LayerNorm": "LayerNorm LayerNormalization native_layer_norm",
    "GroupNorm": "GroupNorm GroupNormalization native_group_norm",
    "InstanceNorm": "InstanceNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d InstanceNormalization LazyInstanceNorm1d LazyInstanceNorm2d "
    "LazyInstanceNorm3d",
    "RMSNorm": "RMSNorm RMSNormalization fused_rms_norm LlamaRMSNorm T5LayerNorm",
    "LocalResponseNorm": "LocalResponseNorm LRN",
    "Normalize": "Normalize UnitNormalization L2Normalize",
    "WeightNorm": "WeightNorm",
    "SpectralNorm": "SpectralNorm SpectralNormalization",
    "Embedding": "Embedding",
    "EmbeddingBag": "EmbeddingBag",
    "LSTM": "LSTM CudnnRNNLSTM",
    "GRU": "GRU",
    "RNN": "RNN SimpleRNN rnn_tanh rnn_relu",
    "LSTMCell": "LSTMCell",
    "GRUCell": "GRUCell",
    "RNNCell": "RNNCell SimpleRNNCell rnn_tanh_cell rnn_relu_cell",
    "Bidirectional": "Bidirectional",
    "TimeDistributed": "TimeDistributed",
    "Attention": "Attention scaled_dot_product_attention dot_product_attention scaled_dot_product_flash_attention "
    "scaled_dot_product_efficient_attention scaled_dot_product_flash_attention_for_cpu flex_attention",
    "MultiHeadAttention": "MultiHeadAttention multi_head_attention_forward native_multi_head_attention",
    "GroupedQueryAttention": "GroupedQueryAttention",
    "Transformer": "Transformer",
    "TransformerEncoder": "TransformerEncoder",
    "TransformerEncoderLayer": "TransformerEncoderLayer transformer_encoder_layer_fwd",
    "TransformerDecoder": "TransformerDecoder",
    "TransformerDecoderLayer": "TransformerDecoderLayer",
    "Dropout": "Dropout native_dropout",
    "Dropout1d": "Dropout1d SpatialDropout1D",
    "Dropout2d": "Dropout2d SpatialDropout2D feature_dropout",
    "Dropout3d": "Dropout3d SpatialDropout3D",
    "AlphaDropout": "AlphaDropout",
    "GaussianNoise": "GaussianNoise",
    "GaussianDropout": "GaussianDropout",
    "Flatten": "Flatten",
    "Unflatten": "Unflatten",
    "Upsample": "Upsample interpolate UpSampling1D UpSampling2D UpSampling3D UpsamplingNearest2d UpsamplingBilinear2d "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d upsample_bicubic2d upsample_linear1d "
    "upsample_trilinear3d ResizeBilinear ResizeNearestNeighbor ResizeBicubic Resizing",
    "PixelShuffle": "PixelShuffle DepthToSpace",
    "PixelUnshuffle": "PixelUnshuffle SpaceToDepth",
    "GridSample": "grid_sample grid_sampler",
    "Fold": "Fold col2im",
    "Unfold": "Unfold im2col ExtractImagePatches extract_patches",
    "Pad": "Pad ZeroPad1d ZeroPad2d ZeroPad3d ZeroPadding1D ZeroPadding2D ZeroPadding3D ConstantPad1d ConstantPad2d ConstantPad3d "
    "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d MirrorPad constant_pad_nd "
    "CircularPad1d CircularPad2d CircularPad3d",
    "Cropping": "Cropping1D Cropping2D Cropping3D",
    "Rescaling": "Rescaling",
    "Masking": "Masking",
}
ACTIVATIONS: Final[dict[str, str]] = {
    "ReLU": "ReLU",
    "ReLU6": "ReLU6",
    "LeakyReLU": "LeakyReLU",
    "PReLU": "PReLU prelu_kernel",
    "RReLU": "RReLU rrelu_with_noise",
    "ELU": "ELU",
    "SELU": "SELU",
    "CELU": "CELU",
    "GELU": "GELU GELUActivation NewGELUActivation FastGELUActivation QuickGELUActivation PytorchGELUTanh",
    "SiLU": "SiLU Swish SiLUActivation SwishF32",
    "Mish": "Mish MishActivation",
    "GLU": "GLU",
    "Sigmoid": "Sigmoid expit",
    "LogSigmoid": "LogSigmoid",
    "HardSigmoid": "HardSigmoid",
    "Tanh": "Tanh",
    "HardTanh": "HardTanh",
    "HardSwish": "HardSwish HardSiLU",
    "Softmax": "Softmax Softmax2d",
    "LogSoftmax": "LogSoftmax",
    "Softmin": "Softmin",
    "Softplus": "Softplus",
    "Softsign": "Softsign",
    "TanhShrink": "TanhShrink",
    "SoftShrink": "SoftShrink",
    "HardShrink": "HardShrink",
    "Threshold": "Threshold",
    "Gumbel": "gumbel_softmax",
}
MATRIX: Final[dict[str, str]] = {
    "MatMul": "MatMul BatchMatMul bmm mm mv rmatmul Dot vdot inner",
    "BiasAdd": "BiasAdd",
    "AddBatchMatMul": "baddbmm addbmm addmv",
    "Einsum": "Einsum",
    "TensorDot": "TensorDot",
    "Outer": "Outer ger",
    "CosineSimilarity": "CosineSimilarity",
    "Distance": "cdist pairwise_distance PairwiseDistance",
}
ELEMENTWISE: Final[dict[str, str]] = {
    "Add": "Add iadd radd AddN",
    "Sub": "Sub subtract isub rsub",
    "Mul": "Mul multiply imul rmul",
    "Div": "Div divide true_divide truediv itruediv rtruediv RealDiv DivNoNan divide_no_nan",
    "FloorDiv": "FloorDiv floordiv rfloordiv ifloordiv floor_divide",
    "Mod": "Mod remainder rmod imod FloorMod fmod",
    "Pow": "Pow power ipow rpow float_power",
    "Square": "Square",
    "SquaredDifference": "SquaredDifference",
    "Sqrt": "Sqrt",
    "Rsqrt": "Rsqrt",
    "Reciprocal": "Reciprocal Inv",
    "Exp": "Exp",
    "Expm1": "Expm1",
    "Log": "Log",
    "Log1p": "Log1p",
    "Log2": "Log2",
    "Log10": "Log10",
    "Sin": "Sin",
    "Cos": "Cos",
    "Tan": "Tan",
    "Erf": "Erf",
    "Neg": "Neg negative",
    "Abs": "Abs absolute",
    "Sign": "Sign sgn",
    "Floor": "Floor",
    "Ceil": "Ceil",
    "Round": "Round",
    "Clamp": "Clamp clip ClipByValue clamp_min clamp_max",
    "Maximum": "Maximum",
    "Minimum": "Minimum",
    "Where": "Where Select",
    "MaskedFill": "masked_fill",
    "Equal": "Equal eq",
    "NotEqual": "NotEqual ne",
    "Greater": "Greater gt",
    "GreaterEqual": "GreaterEqual ge",
    "Less": "Less lt",
    "LessEqual": "LessEqual le",
    "And": "LogicalAnd and iand bitwise_and",
    "Or": "LogicalOr or ior bitwise_or",
    "Xor": "LogicalXor xor bitwise_xor",
    "Not": "LogicalNot invert bitwise_not",
    "IsNaN": "IsNaN",
    "IsFinite": "IsFinite",
    "Lerp": "Lerp",
    "AddCMul": "addcmul",
    "AddCDiv": "addcdiv",
    "Average": "Average",
}
REDUCTIONS: Final[dict[str, str]] = {
    "Sum": "Sum reduce_sum",
    "Mean": "Mean reduce_mean",
    "Max": "Max amax reduce_max",
    "Min": "Min amin reduce_min",
    "Prod": "Prod reduce_prod",
    "Var": "Var variance var_mean Moments",
    "Std": "Std std_mean",
    "Norm": "Norm vector_norm linalg_norm linalg_vector_norm EuclideanNorm L2Loss",
    "All": "All",
    "Any": "Any",
    "LogSumExp": "LogSumExp",
    "ArgMax": "ArgMax",
    "ArgMin": "ArgMin",
    "CumSum": "CumSum",
    "CumProd": "CumProd",
    "Sort": "Sort",
    "ArgSort": "ArgSort",
    "TopK": "TopK",
    "Median": "Median",
}
LOSSES: Final[dict[str, str]] = {
    "CrossEntropy": "CrossEntropy CrossEntropyLoss SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits "
    "categorical_crossentropy sparse_categorical_crossentropy",
    "BinaryCrossEntropy": "BCELoss binary_cross_entropy binary_crossentropy BCEWithLogitsLoss binary_cross_entropy_with_logits",
    "NLLLoss": "NLLLoss nll_loss",
    "MSELoss": "MSELoss mean_squared_error",
    "L1Loss": "L1Loss mean_absolute_error",
    "SmoothL1Loss": "SmoothL1Loss",
    "HuberLoss": "HuberLoss",
    "KLDivLoss": "KLDivLoss kl_div",
    "CTCLoss": "CTCLoss",
}
SHAPES: Final[dict[str, str]] = {
    "Reshape": "Reshape view view_as reshape_as unsafe_view",
    "Transpose": "Transpose permute t T mT H mH swapaxes swapdims movedim moveaxis adjoint numpy_T matrix_H",
    "Squeeze": "Squeeze",
    "Unsqueeze": "Unsqueeze expand_dims",
    "Concat": "Concat Concatenate cat hstack vstack dstack",
    "Stack": "Stack Pack ParallelConcat",
    "Split": "Split chunk split_with_sizes tensor_split SplitV",
    "Unstack": "Unbind Unpack unstack",
    "Slice": "Slice getitem StridedSlice narrow select_int",
    "SetItem": "setitem index_put slice_scatter select_scatter",
    "Gather": "Gather GatherNd index_select take take_along_dim ResourceGather",
    "Scatter": "Scatter scatter_add index_add index_copy TensorScatterUpdate masked_scatter ScatterNd",
    "Expand": "Expand expand_as BroadcastTo broadcast_tensors broadcast_to",
    "Repeat": "Tile repeat RepeatVector repeat_interleave",
    "Roll": "Roll",
    "Flip": "Flip Reverse",
    "Tril": "Tril",
    "Triu": "Triu MatrixBandPart",
    "Diagonal": "Diagonal diag diag_embed MatrixDiag",
    "Meshgrid": "Meshgrid",
    "Cast": "Cast to type type_as float half double bfloat16 long int bool to_copy",
    "Identity": "Identity contiguous clone Copy copy IdentityN alias lift_fresh lift_fresh_copy EnsureShape",
    "StopGradient": "StopGradient detach PreventGradient",
    "Shape": "Shape ShapeN size numel",
    "OneHot": "OneHot",
    "NoOp": "NoOp",
}
SOURCES: Final[dict[str, str]] = {
    "Constant": "Constant Const tensor as_tensor from_numpy zeros ones full zeros_like ones_like full_like empty empty_like eye Fill "
    "new_zeros new_ones new_full new_empty new_tensor scalar_tensor ZerosLike OnesLike convert_to_tensor",
    "Range": "Range arange linspace LinSpace logspace",
    "Random": "rand randn randint rand_like randn_like randint_like randperm RandomUniform RandomStandardNormal StatelessRandomUniform "
    "StatelessRandomNormal StatelessRandomUniformInt bernoulli multinomial normal Multinomial uniform exponential "
    "StatelessRandomGetKeyCounter",
    "Input": "Placeholder InputLayer Input arg PlaceholderWithDefault",
    "Parameter": "Parameter VarHandleOp get_attr get_parameter VariableV2",
    "ReadVariable": "ReadVariableOp",
    "Assign": "AssignVariableOp AssignAddVariableOp AssignSubVariableOp",
    "Output": "Output Retval",
    "Unseen": "Unseen",
}
OTHERS: Final[dict[str, str]] = {
    "ToPython": "item tolist numpy nonzero_python",
    "Call": "PartitionedCall StatefulPartitionedCall SymbolicGradient RemoteCall checkpoint",
    "If": "If StatelessIf Cond",
    "While": "While StatelessWhile Loop",
    "Nonzero": "Nonzero argwhere",
    "Unique": "Unique",
}
CATEGORIES: Final[dict[str, dict[str, str]]] = {
    "layer": LAYERS,
    "activation": ACTIVATIONS,
    "matrix": MATRIX,
    "elementwise": ELEMENTWISE,
    "reduction": REDUCTIONS,
    "loss": LOSSES,
    "shape": SHAPES,
    "source": SOURCES,
    "other": OTHERS,
}


def squashed(name: str) -> str:
    """`name` as names are compared: "torch.nn.Conv2d", "Conv2D" and "conv2d_" are "conv2d"."""
    last = name.rpartition("::")[2].rpartition(".")[2]
    last = "and" if last == "__rand__" else re.sub(r"(?<=[a-z0-9])V\d+$", "", last)
    return last.replace("_", "").lower()


def _table() -> tuple[dict[str, str], dict[str, str]]:
    names: dict[str, str] = {}
    category: dict[str, str] = {}
    for what, entries in CATEGORIES.items():
        for normal_name, others in entries.items():
            category[normal_name] = what
            for one in (normal_name, *others.split()):
                names.setdefault(squashed(one), normal_name)
    return names, category


_NAMES, _CATEGORY = _table()


def normal(name: str) -> str:
    """The normal name of what a framework calls `name`; a name of its own shape where the table has none."""
    known = _NAMES.get(squashed(name))
    if known is not None:
        return known
    last = name.rpartition("::")[2].rpartition(".")[2].strip("_")
    if not last:
        return name
    return "".join(part[:1].upper() + part[1:] for part in last.split("_") if part)


def known(name: str) -> bool:
    """Whether the table has `name`."""
    return squashed(name) in _NAMES


def category(normal_name: str) -> str:
    """One of `CATEGORIES`, or "" for a name that is not of the table."""
    return _CATEGORY.get(normal_name, "")


def layout(normal_name: str, *, channels_last: bool) -> str:
    """The order of axes of what flows through a layer: "NCHW", "NHWC", "NCW" ...; "" where the layer has no such order."""
    dims = re.fullmatch(r".*(Conv|ConvTranspose|Pool|Dropout)([123])d", normal_name)
    if dims is None:
        return ""
    axes = {"1": "W", "2": "HW", "3": "DHW"}[dims[2]]
    return f"N{axes}C" if channels_last else f"NC{axes}"


def refined(normal_name: str, attributes: dict[str, Any]) -> str:
    """A more exact name where the arguments say so: adaptive pooling to one value is global pooling."""
    if normal_name.startswith("Adaptive"):
        size = attributes.get("output_size")
        flat = size if isinstance(size, list) else [size]
        if flat and all(one == 1 for one in flat):
            return normal_name.replace("Adaptive", "Global", 1)
    return normal_name


def convolution(weight_rank: int, *, transposed: bool = False) -> str:
    """The normal name of a convolution whose weight has `weight_rank` axes."""
    return f"Conv{'Transpose' if transposed else ''}{weight_rank - 2}d" if 3 <= weight_rank <= 5 else "Convolution"
