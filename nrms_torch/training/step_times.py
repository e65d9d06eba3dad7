"""Where the time of a training step goes, from a profile of some steps."""

from collections.abc import Sequence
from typing import Any

_OPERATORS = 8  # with the most time of their own
# The profiler's marks that are no operators: Lightning's, torch's, and the steps.
_MARKS = ("[pl]", "Optimizer.", "ProfilerStep", "autograd::engine", "enumerate(", "## ")
_PARTS = {
    "loader": ("[pl]", "train_dataloader_next"),
    "forward": ("[pl]", ".training_step"),
    "backward": ("[pl]", ".backward"),
    # Not the mark of the optimizer's step, inside of which Lightning computes loss and gradient:
    # a step of the profiler ends between those two, which cuts it in half.
    "optimizer": ("aten::_fused_adam_", ""),
}


def step_table(operators: Sequence[Any]) -> str:
    """Tell the share of a step that loader, forward, backward, optimizer and the rest take.

    `operators` are a profile's key averages. Behind the parts stand the operators with the most
    time of their own on the processor, as shares of the same whole.
    """
    steps = [each for each in operators if each.key.startswith("ProfilerStep")]
    total = sum(each.cpu_time_total for each in steps)
    number = sum(each.count for each in steps)
    parts = {
        name: sum(
            each.cpu_time_total
            for each in operators
            if each.key.startswith(start) and each.key.endswith(end)
        )
        for name, (start, end) in _PARTS.items()
    }
    parts["callbacks, logging, the rest"] = max(0, total - sum(parts.values()))
    lines = [f"{number} steps of {total / number / 1e3:,.1f} ms, of which"]
    lines += [f"  {name:40}{time / total:7.1%}" for name, time in parts.items()]
    lines.append("operators, time of their own:")
    own = [each for each in operators if not each.key.startswith(_MARKS)]
    own.sort(key=lambda each: -each.self_cpu_time_total)
    for each in own[:_OPERATORS]:
        share, calls = each.self_cpu_time_total / total, each.count / number
        lines.append(f"  {each.key[:38]:40}{share:7.1%}{calls:8.0f} calls a step")
    return "\n".join(lines) + "\n"
