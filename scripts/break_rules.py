"""Break each rule of the baseline and write what fails into a document: minutes of work."""

import sys
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from nrms_tf_reference.parity.rules.book import SECTIONS
from nrms_tf_reference.parity.rules.breaking import Outcome, break_rule
from nrms_tf_reference.parity.rules.rule import Rule
from nrms_tf_reference.parity.rules.table import markdown, replace_rules, require_place, summary
from nrms_torch.cli import command


@command("break_rules")
def main(config: DictConfig) -> None:
    """Print a line a rule, and write the tables; exit status 1 if a rule breaks unseen."""
    document = Path(str(config.output))
    require_place(document)
    GlobalHydra.instance().clear()  # tests that rules name compose configurations of their own
    seen: dict[str, list[tuple[Rule, Outcome]]] = {}
    for title, rules in SECTIONS.items():
        seen[title] = []
        for rule in rules:
            outcome = break_rule(rule)
            print(f"{rule.text}: {summary(outcome)}", flush=True)
            seen[title].append((rule, outcome))
    replace_rules(document, markdown(seen))
    outcomes = [outcome for rows in seen.values() for _, outcome in rows]
    unseen = sum(not outcome.is_seen for outcome in outcomes)
    print(f"{len(outcomes)} rules, {unseen} broken unseen")
    if unseen:
        sys.exit(1)


if __name__ == "__main__":
    main()
