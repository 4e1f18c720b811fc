namespace ResNet.Core.Weights.Onnx;

/// <summary>The classifier of the graph, <c>x · weightᵀ + bias</c>.</summary>
/// <param name="Weight">Shape (classes, features).</param>
/// <param name="Bias">Shape (classes).</param>
/// <param name="Output">The logits.</param>
internal sealed record Linear(StoredTensor Weight, StoredTensor Bias, Value Output)
{
    /// <summary>Recognizes the classifier that starts at a node; null if there is none.</summary>
    /// <param name="node">A node that reads <paramref name="x"/>.</param>
    /// <param name="x">The features.</param>
    /// <param name="features">The number of features.</param>
    /// <exception cref="InvalidDataException">The classifier is not one that this library has.</exception>
    public static Linear? Find(Node node, Value x, long features)
    {
        if (node.Type is not ("Gemm" or "MatMul") || node.Inputs is not [var data, { Constant: { } constant } matrix, ..] || data != x)
            return null;
        var isTransposed = matrix.IsTransposed;
        if (node.Type == "Gemm")
        {
            node.ExpectOnly("alpha", "beta", "transA", "transB");
            node.Expect("alpha", 1f);
            node.Expect("beta", 1f);
            node.Expect("transA", 0);
            isTransposed ^= node.GetInt("transB", 0) != 0;
        }
        // A (features, classes) matrix is viewed as (classes, features).
        var weight = constant.GetElements($"the weights of {node}");
        if (weight.Shape is not [>= 1 and var rows, >= 1 and var columns] || (isTransposed ? columns : rows) != features)
            throw node.Unexpected($"weights for {features} features", $"shape ({string.Join(", ", weight.Shape)}){(isTransposed ? ", transposed" : "")}");
        if (!isTransposed)
            weight = weight with { Shape = [columns, rows], Strides = [1, columns] };
        return node.Type == "Gemm" ? Make(node, node.Inputs.ElementAtOrDefault(2), node)
            : node.Output.Addition is { } add ? Make(node, add.Inputs.First(input => input != node.Output), add)
            : Make(node, null, node);

        Linear Make(Node product, Value? bias, Node last)
        {
            var classes = weight.Shape[0];
            if (bias is null)
                return new Linear(weight, StoredTensor.CreateConstant("fc.bias", 0, classes), last.Output);
            if (bias.Constant is not { } tensor)
                throw last.Unexpected("a bias that is in the file", "a computed one");
            var vector = tensor.GetElements($"the bias of {last}");
            return vector.Shape is [.., var length] and ([_] or [1, _]) && length == classes
                ? new Linear(weight, vector with { Shape = [classes], Strides = [1] }, last.Output)
                : throw product.Unexpected($"a bias of shape ({classes})", $"({string.Join(", ", vector.Shape)})");
        }
    }
}
