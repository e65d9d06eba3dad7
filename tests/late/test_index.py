import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.late.index import EventIndex, Questions

# Of events and questions: keys few or far apart, times near or years apart.
keys = st.integers(0, 4) | st.sampled_from([2**40, 2**62])
times = st.integers(0, 30) | st.integers(10**9, 10**9 + 5)
pairs = st.lists(st.tuples(keys, times, st.integers(0, 2**33)), max_size=30)


def columns(rows):
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T


def brute(events, questions, answer):
    return [
        answer(moment, [(time, weight) for of, time, weight in events if of == key])
        for key, moment, _ in questions
    ]


@given(pairs, pairs, st.booleans(), st.integers(1, 40))
def test_answers_are_those_of_going_through_all_events(events, questions, weighted, seconds):
    of, at, weights = columns(events)
    asked, moments, _ = columns(questions)
    index = EventIndex(of, at, weights if weighted else None)
    answers = index.ask(Questions.of(asked, moments))

    def within(moment, own):
        own = [weight for time, weight in own if moment - seconds <= time < moment]
        return sum(own) if weighted else len(own)

    def since(best):
        def answer(moment, own):
            before = [time for time, _ in own if time < moment]
            return moment - best(before) if before else -1

        return answer

    assert answers.within(seconds).tolist() == brute(events, questions, within)
    assert answers.since_first.tolist() == brute(events, questions, since(min))
    assert answers.since_last.tolist() == brute(events, questions, since(max))


@pytest.mark.parametrize("questions", [4_095, 4_096, 4_097, 20_000])
def test_many_questions_are_answered_as_one_is(questions):
    generator = np.random.default_rng(questions)
    of, at = generator.integers(0, 50, 30_000), generator.integers(0, 1_000, 30_000)
    asked, moments = generator.integers(0, 60, questions), generator.integers(-9, 1_100, questions)
    index = EventIndex(of, at)
    answers = index.ask(Questions.of(asked, moments))
    for row in generator.choice(questions, 200):
        one = index.ask(Questions.of(asked[[row]], moments[[row]]))
        own = at[(of == asked[row]) & (at < moments[row])]
        assert answers.within(77)[row] == one.within(77)[0] == (own >= moments[row] - 77).sum()
        assert answers.since_last[row] == (moments[row] - own.max() if len(own) else -1)
