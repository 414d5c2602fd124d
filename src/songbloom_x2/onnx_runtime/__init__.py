"""Songs from an exported model with numpy and onnxruntime alone: no torch here, nor in anything this imports."""
