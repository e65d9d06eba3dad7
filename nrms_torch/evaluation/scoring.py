"""The one scoring path: every article once, every distinct history once, then dot products.

Validation, testing and prediction all go through here; ranking is on the dot product, since a
sigmoid saturates into ties. R rows of the article table, P histories, N candidates, D width.
"""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.loading import EvaluationChunk, EvaluationChunks
from nrms_torch.model.nrms import NRMS

# Fixed, whatever the number of ranks: a matrix product may round differently in another shape.
# Large, since a token is projected once a chunk; its projections are 56 MiB where the titles of a
# chunk have 12,000 tokens of 1,200 floats.
ARTICLES_PER_CHUNK = 2_048
# Small enough for a CPU's caches: 4 Ki candidates of 400 floats are 6 MiB.
CANDIDATES_PER_CHUNK = 4_096


@torch.no_grad()
def encode_articles(model: NRMS, table: Tensor) -> Tensor:
    """Encode the article table (R, …) to (R, D); ranks share the chunks and gather the vectors."""
    rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    chunks = table.split(ARTICLES_PER_CHUNK)
    vectors = table.new_zeros(
        (len(chunks), ARTICLES_PER_CHUNK, model.hyper_parameters.vector_size), dtype=torch.float32
    )
    with _full_precision(table):
        for number in range(rank, len(chunks), ranks):
            vectors[number, : len(chunks[number])] = model.encode_news(chunks[number])
    if ranks > 1:
        # Each chunk is zero on all ranks but one, so the sum gathers them, exactly.
        dist.all_reduce(vectors)
    return vectors.flatten(0, 1)[: len(table)]


@torch.no_grad()
def score_chunk(model: NRMS, news: Tensor, chunk: EvaluationChunk) -> Tensor:
    """Score a chunk's candidates by article vectors `news` (R, D), as float32 dots (N,)."""
    with _full_precision(news):
        users = model.encode_users(news, chunk.histories, chunk.histories)
    user_of_candidate = chunk.owner.repeat_interleave(chunk.offsets.diff())
    parts = zip(
        user_of_candidate.split(CANDIDATES_PER_CHUNK),
        chunk.candidates.split(CANDIDATES_PER_CHUNK),
        strict=True,
    )
    dots = [
        (F.embedding(user, users) * F.embedding(article, news)).sum(dim=-1)
        for user, article in parts
    ]
    return torch.cat(dots) if dots else news.new_zeros(0)


def score_impressions(model: NRMS, news: Tensor, impressions: Impressions) -> Tensor:
    """Score impressions in this process, dots (N,) float32 in their own order."""
    dots = torch.empty(len(impressions.candidates))
    chunks = EvaluationChunks(impressions, rank=0, ranks=1)
    for number in range(len(chunks)):
        chunk = chunks[number]
        places, _ = impressions.candidate_positions(chunk.positions.numpy())
        dots[torch.from_numpy(places)] = score_chunk(model, news, chunk)
    return dots


def _full_precision(tensor: Tensor) -> torch.autocast:
    """Switch autocast off: one checkpoint has one set of scores, however it was trained."""
    return torch.autocast(tensor.device.type, enabled=False)
