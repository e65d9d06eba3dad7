"""The rules of the baseline, each with a way to break it: proof that the checks can fail.

docs/parity_rules.md says what each rule is. Here stands, under its name, what breaks it.
"""
