"""Changes of emlib that its tests should notice: which are tried, and how they are counted."""

from tools.mutants import drawn, table


def test_a_sample_of_changes_is_that_of_its_seed():
    names = [f"{m}.f__{i}" for m in ("emlib.em", "emlib.hmm.walks") for i in range(50)] + ["a.g__1"]
    sample = drawn(names, 10, 1)
    assert {module: len(set(some)) for module, some in sample.items()} == {
        "emlib.em": 10,
        "emlib.hmm.walks": 10,
        "a": 1,
    }
    assert all(name.startswith(module) for module, some in sample.items() for name in some)
    assert drawn(names[::-1], 10, 1) == sample != drawn(names, 10, 2)


def test_the_table_of_changes_counts_those_that_were_tried_and_those_that_were_noticed():
    ends = {
        "emlib.squarem.g__1": "no tests",
        "emlib.em.f__1": "killed",
        "emlib.em.f__2": "survived",
        "emlib.em.f__3": "timeout",
        "emlib.em.f__4": "not checked",
    }
    assert [line.split() for line in table(ends).splitlines()] == [
        ["module", "sampled", "noticed"],
        ["emlib.em", "3", "2"],
        ["emlib.squarem", "1", "0"],
        ["all", "4", "2"],
    ]
