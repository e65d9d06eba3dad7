"""The words of a command line, as people type them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.commands.words import joined, with_bare_words
from nrms_torch.configuration import compose
from nrms_torch.errors import InputError


def test_a_list_that_the_shell_cut_at_blanks_is_one_word_again():
    assert joined(["history=[1,", "2]", "k=3"]) == ["history=[1, 2]", "k=3"]
    assert joined(["data={a:", "1}"]) == ["data={a: 1}"]


def test_a_bracket_of_a_path_joins_nothing():
    assert joined(["run=a[1", "seed=2"]) == ["run=a[1", "seed=2"]
    assert joined(["run=[never", "seed=2"]) == ["run=[never", "seed=2"]


def test_bare_words_come_first_and_fill_one_setting():
    assert with_bare_words(["a,b", "k=1"], "run", many=False) == ["run='a,b'", "k=1"]
    assert with_bare_words(["a", "b"], "runs", many=True) == ["runs=['a','b']"]
    assert with_bare_words(["~logger"], "run", many=False) == ["~logger"]
    with pytest.raises(InputError, match="'b': expected a setting"):
        with_bare_words(["a", "b"], "run", many=False)
    with pytest.raises(InputError, match="'a': expected a setting"):
        with_bare_words(["a"], None, many=False)


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_path_is_taken_as_it_stands(path):
    """Hydra's grammar has its own mind of commas, quotes, brackets and dollars."""
    if path.strip() != path or "${" in path or path.startswith("["):
        return  # blanks around a value are nobody's; an interpolation and a list are meant
    found = compose("evaluate", ["run=x", f"data.path=/data/{path}"]).data.path
    assert found == f"/data/{path}"
