"""A bundle's graphs as functions on numpy arrays, run by onnxruntime.

Dimensions: U articles, T tokens, W document-vector width, D vector width, B users, H clicks.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import onnxruntime

from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.model.hyper_parameters import HyperParameters
from nrms_torch.serving.bundle import NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN

WordMeasure = Literal["contribution", "weight"]

# Bounds the memory of attention over titles, and keeps matrix products large.
_ROWS_PER_RUN = 512


class Encoders:
    """The news and the user encoder; sessions belong to the process that made them, after a fork.

    `threads` are those inside one call, for calls from several threads share the cores already.
    """

    def __init__(
        self, read: Callable[[str], bytes], hyper_parameters: HyperParameters, *, threads: int
    ) -> None:
        """Make sessions of the graphs that `read` gives by name, verified where they can be.

        Raises InputError for one that onnxruntime does not run.
        """
        require_integer("threads", threads, 1)
        self._read = read
        self._threads = threads
        self._width = hyper_parameters.vector_size
        self._history_size = hyper_parameters.history_size
        self._masks_unknown = hyper_parameters.variant == "standard"
        self._news = self._session(NEWS_ENCODER)
        self._users = self._session(USER_ENCODER)
        # Not when first asked for: by then the folder may hold another bundle.
        self._explain = self._session(USER_EXPLAIN)

    def news(self, features: np.ndarray) -> np.ndarray:
        """Encode title tokens (U, T) or document vectors (U, W) to article vectors (U, D)."""
        vectors = np.empty((len(features), self._width), dtype=np.float32)
        for start in range(0, len(features), _ROWS_PER_RUN):
            part = slice(start, start + _ROWS_PER_RUN)
            vectors[part] = self._news.run(["vectors"], {"articles": features[part]})[0]
        return vectors

    def users(self, clicked: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Encode users by clicked vectors (B, H, D) of rows (B, H) to (B, D)."""
        return np.asarray(self._users.run(["users"], self._clicks(clicked, rows))[0])

    def common_user(self) -> np.ndarray:
        """Give the part (D,) that every reader's vector has: in the baseline there is none."""
        if not self._masks_unknown:
            return np.zeros(self._width, dtype=np.float32)
        nothing = np.zeros((1, self._history_size), dtype=np.int64)
        clicked = np.zeros((*nothing.shape, self._width), dtype=np.float32)
        return self.users(clicked, nothing)[0]

    def title_shares(self, titles: np.ndarray) -> tuple[WordMeasure, np.ndarray]:
        """Split titles (U, T) over their tokens: parts (U, T, D) that add up to the vectors.

        The standard variant has (U, T + 2) for (U, T + 1, D), the last being no word's. With dense
        layers there are none, and pooling weights (U, T) are given in their place.
        """
        name = self._news.get_outputs()[-1].name
        shares = np.asarray(self._news.run([name], {"articles": titles})[0])
        return ("contribution" if name == "parts" else "weight"), shares

    def click_directions(
        self, clicked: np.ndarray, rows: np.ndarray, candidates: np.ndarray
    ) -> np.ndarray:
        """Give (B, H, D) whose dots with clicked (B, H, D) are what the clicks add to a score.

        The scores are those of `candidates` (B, D); what is left is what every reader's has.
        """
        inputs = self._clicks(clicked, rows) | {"candidates": candidates}
        return np.asarray(self._explain.run(["directions"], inputs)[0])

    def _clicks(self, clicked: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        known = {"known": rows != 0} if self._masks_unknown else {}
        return {"clicked": clicked, **known}

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take the cores from those that serve other requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = self._read(name)
        try:
            return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each status
            raise InputError(
                f"{name}: no graph that onnxruntime {onnxruntime.__version__} runs: "
                f"{str(error).splitlines()[0]}"
            ) from error
