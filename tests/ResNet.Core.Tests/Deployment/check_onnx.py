#!/usr/bin/env python3
"""Checks ONNX files with ONNX's own package. The tests run this script if that package is installed.

    check_onnx.py check FILE    checks the file and every shape in it, and prints a line per input, output, node and tensor
    check_onnx.py nodes FILE    prints a line per node; the file may contain operators that ONNX does not define
"""

import sys

import onnx


def line(*fields):
    print(*fields, sep="|")


def nodes(model):
    for node in model.graph.node:
        line("node", node.op_type, node.name, ",".join(node.input), ",".join(node.output))


def check(model):
    onnx.checker.check_model(model, full_check=True)
    known = {value.name for value in onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph.value_info}
    assert all(output in known for node in model.graph.node[:-1] for output in node.output), "the shape of a value is unknown"
    line("producer", model.producer_name, model.producer_version)
    line("model", model.ir_version, ",".join(f"{opset.domain}:{opset.version}" for opset in model.opset_import))
    for kind, values in (("input", model.graph.input), ("output", model.graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            line(kind, value.name, onnx.TensorProto.DataType.Name(tensor.elem_type), ",".join(d.dim_param or str(d.dim_value) for d in tensor.shape.dim))
    nodes(model)
    for tensor in model.graph.initializer:
        line("tensor", tensor.name, onnx.TensorProto.DataType.Name(tensor.data_type), ",".join(map(str, tensor.dims)))


if __name__ == "__main__":
    {"check": check, "nodes": nodes}[sys.argv[1]](onnx.load(sys.argv[2]))
