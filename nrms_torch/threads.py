"""How threads wait for one another, which is to be said before torch is imported."""

import os


def spin_briefly() -> None:
    """Let OpenMP's waiting threads spin for about the gap between two operations, then sleep.

    By default they spin for long, and where another program wants a core they take it from the
    thread they wait for; asleep, they are slow to wake. docs/performance.md has the figures. It is
    read once, when torch is imported. What the environment says already stands.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = "5000"
        # Of libraries other than GNU's, and of more threads than there are cores.
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
