"""A model as graphs that other programs run: ONNX and TorchScript, whole or in 8 bits, and plain state dicts."""
