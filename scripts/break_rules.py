"""Break each rule of the baseline and write what fails into the rules' table: minutes of work."""

import sys
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from nrms_tf_reference.parity.rules.breaking import BREAKERS, Outcome, break_rule
from nrms_tf_reference.parity.rules.document import read_rules, write_results
from nrms_tf_reference.parity.rules.results import numbers, summary
from nrms_torch.commands.main import command
from nrms_torch.errors import InputError


@command("break_rules")
def main(config: DictConfig) -> None:
    """Print a line a rule, and write the results; exit status 1 if a rule breaks unseen."""
    document = Path(str(config.rules))
    rules = read_rules(document)
    if unknown := [rule.name for rule in rules if rule.name not in BREAKERS]:
        raise InputError(f"rules: {document}: {unknown[0]}: nothing is known to break this rule")
    GlobalHydra.instance().clear()  # tests that rules name compose configurations of their own
    seen: dict[str, Outcome] = {}
    for rule in rules:
        seen[rule.name] = break_rule(BREAKERS[rule.name], rule.shown_by)
        print(f"{rule.text}: {summary(seen[rule.name])}", flush=True)
    write_results(
        document,
        lambda rule: numbers(seen[rule.name]) if rule.has_numbers else [summary(seen[rule.name])],
    )
    unseen = sum(not outcome.is_seen for outcome in seen.values())
    print(f"{len(seen)} rules, {unseen} broken unseen")
    if unseen:
        sys.exit(1)


if __name__ == "__main__":
    main()
