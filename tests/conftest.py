"""What holds for all tests."""

import os

# Before torch is imported, here and in every command that a test starts: the tensors of tests are
# so small that a second thread only costs time, and much of it where tests share their cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests are offline: a model's name must not make a library ask for it.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
