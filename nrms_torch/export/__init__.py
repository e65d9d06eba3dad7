"""Export: a run's best model as a bundle of ONNX graphs, checked against torch."""
