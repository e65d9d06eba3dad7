"""Load on a running server: how fast it answers, and what it does when there is too much."""
