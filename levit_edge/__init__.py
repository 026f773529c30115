"""Take a trained LeViT to verified INT8 ExecuTorch and ONNX files."""
