"""Batches hold every row once, within their limits, by a pure function of the list."""

from hypothesis import given
from hypothesis import strategies as st

from organisms.runtime.batching import Place, plan_batches
from organisms.runtime.drawing import uniform_stream

PLACES = st.lists(
    st.builds(
        lambda group, length, room, same: Place(group, group == "c", length, room, same),
        group=st.sampled_from([None, "a", "b", "c"]),
        length=st.integers(1, 50),
        room=st.integers(0, 30),
        same=st.integers(0, 5),
    ),
    max_size=40,
)


@given(PLACES, st.integers(1, 8), st.integers(1, 300))
def test_every_row_is_in_one_batch_within_the_limits(places, rows, tokens):
    batches = plan_batches(places, rows=rows, tokens=tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(len(places)))
    for batch in batches:
        chosen = [places[index] for index in batch]
        longest = max(place.length for place in chosen) + max(place.room for place in chosen)
        assert len(batch) <= rows
        assert len(batch) == 1 or len(batch) * longest <= tokens
        assert len({place.group for place in chosen}) == 1 or not any(p.alone for p in chosen)


def test_rows_of_one_prompt_stay_together_longest_first():
    places = [Place("a", False, length, 4, same) for length, same in [(3, 0), (9, 1), (9, 2)] * 2]
    assert plan_batches(places, rows=10, tokens=1000) == [[1, 4, 2, 5, 0, 3]]


@given(st.integers(), st.integers(0, 100), st.integers(1, 60), st.integers(0, 60))
def test_a_longer_stream_begins_with_the_shorter(seed, sample, length, more):
    stream = uniform_stream(seed, sample, length)
    assert (stream == uniform_stream(seed, sample, length + more)[:length]).all()
    assert ((stream >= 0) & (stream < 1)).all()
