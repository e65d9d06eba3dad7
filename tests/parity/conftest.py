"""TensorFlow beside torch: read before either starts its threads."""

import os

# As for torch: the tensors are so small that a second thread only costs time.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # it praises the processor on every import
