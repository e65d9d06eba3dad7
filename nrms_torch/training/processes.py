"""Which process of a distributed run this is, before a process group exists."""

from lightning.pytorch.utilities import rank_zero_only


def is_process_zero() -> bool:
    """Tell whether this process speaks and writes for all ranks."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
