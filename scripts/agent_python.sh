#!/bin/sh
# Runs a script by the Python that W&B's agent runs in: sh scripts/agent_python.sh scripts/train.py …
# The agent itself would start whatever `python` comes first on the PATH, which need not have the
# packages. Without an agent above it is the environment of the checkout, and then that `python`.
agent=$(tr '\0' '\n' 2>/dev/null <"/proc/$PPID/cmdline" | head -n 1)
[ -n "$agent" ] || agent=$(ps -o comm= -p "$PPID" 2>/dev/null)
case "$agent" in
    */python*) ;;
    *) agent=.venv/bin/python ;;
esac
[ -x "$agent" ] || agent=python
exec "$agent" "$@"
