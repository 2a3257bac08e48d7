"""The rules of conflict minerals in Python: those of the model, which the contract is held to as well."""

from __future__ import annotations

from itertools import product as every

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules import minerals
from goldthread.rules.minerals import (
    Answer,
    Answers,
    Metal,
    MineralsError,
    Share,
    Status,
    Verdict,
    due_at,
    form_sd,
    outcome,
    pack,
    roll_up,
    smelter_id,
    smelter_of,
    status_verdict,
    unpack,
)
from tests.models import conflict_minerals as model
from tests.models import form_sd as form_model

ASKED = st.builds(
    Answers,
    st.just(2),
    st.just(2),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 2),
    st.integers(1, 2),
)
ANY = st.one_of(st.just(Answers()), st.just(Answers(2, 1)), ASKED)


def test_the_words_are_those_of_the_model() -> None:
    for name in ("Metal", "Status", "Verdict"):
        ours, theirs = getattr(minerals, name), getattr(model, name)
        assert {word.name: word.value for word in ours} == {word.name: word.value for word in theirs}
    for name in ("Answer", "Outcome"):
        ours, theirs = getattr(minerals, name), getattr(form_model, name)
        assert {word.name: word.value for word in ours} == {word.name: word.value for word in theirs}
    assert {status.name: verdict.name for status, verdict in minerals.VERDICT_OF.items()} == {
        status.name: verdict.name for status, verdict in model.MEANS.items()
    }
    assert len(minerals.COVERED_COUNTRIES) == 10


def test_the_outcome_is_that_of_the_model() -> None:
    for flags, answers in every(every((False, True), repeat=4), every(Answer, repeat=2)):
        facts = minerals.FormSd(*flags, *answers)
        expected = form_model.outcome(form_model.FormSd(*flags, *map(form_model.Answer, answers)))
        assert outcome(facts) == expected


def test_it_is_due_as_the_calendar_says() -> None:
    assert all(due_at(year) == form_model.due_at(year) for year in range(2013, 2414))
    assert due_at(9998) == form_model.due_at(9998)
    for year in (2012, 9999):
        with pytest.raises(MineralsError, match=f"year {year}: must be 2013 to 9998"):
            due_at(year)


@given(told=st.tuples(ANY, ANY, ANY, ANY), outside=st.booleans(), origin=st.integers(0, 3))
def test_answers_are_packed_and_lead_to_form_sd(
    told: tuple[Answers, ...], outside: bool, origin: int
) -> None:
    answers = dict(zip(Metal, told, strict=True))
    word = pack(answers)
    assert unpack(word) == answers
    assert [each.row for each in model.unpack(word)] == [tuple(vars(each).values()) for each in told]
    statement = model.Statement(1, outside, form_model.Answer(origin), answers=word)
    expected = model.Declaration(1, 1, statement, ()).form_sd
    found = form_sd(answers, outside, origin)
    assert tuple(vars(found).values()) == tuple(expected)


@given(row=st.tuples(*(st.integers(0, 7) for _ in range(8))), metal=st.sampled_from(Metal))
def test_what_is_no_answer_is_named(row: tuple[int, ...], metal: Metal) -> None:
    wrong = list(model.Questions(*row).wrong())
    if not wrong:
        Answers(*row).check(metal)
        return
    with pytest.raises(MineralsError, match=f"question {wrong[0][0]} of {metal.name.lower()}"):
        Answers(*row).check(metal)


@given(st.lists(ANY, min_size=1))
def test_a_roll_up_is_no_better_than_any_of_its_parts(told: list[Answers]) -> None:
    rolled = roll_up(told)
    rolled.check(Metal.TIN)
    assert rolled.is_in == any(each.is_in for each in told)
    remain = [each for each in told if each.is_in]
    if remain:
        assert rolled.is_recycled == all(each.is_recycled for each in remain)
        assert rolled.is_complete == all(each.is_complete for each in remain)
        assert (rolled.covered == Answer.NO) == all(each.covered == Answer.NO for each in remain)
        assert rolled.responded == min(each.responded for each in remain)
    assert roll_up([rolled]) == rolled
    assert roll_up([*told, *told]) == rolled


def test_a_roll_up_by_hand() -> None:
    clean = Answers(2, 2, 1, 1, 1, Share.ALL, 2, 2)
    mixed = Answers(2, 2, 3, 2, 2, Share.ABOVE_75_PERCENT, 2, 1)
    assert roll_up([clean, mixed]) == Answers(2, 2, 3, 2, 1, Share.ABOVE_75_PERCENT, 2, 1)
    assert roll_up([Answers(2, 1), Answers()]) == Answers(2, 1)
    assert roll_up([]) == Answers()


@pytest.mark.parametrize("number", ["C", "CID001070", "X" * 31])
def test_a_smelter_has_a_number_and_a_metal(number: str) -> None:
    for metal in Metal:
        found = smelter_id(number, metal)
        assert found == model.smelter(number, model.Metal(metal))
        assert smelter_of(found) == (number, metal)


@pytest.mark.parametrize("number", ["", "X" * 32, "CID 1\n", "CÏD", " CID1", "CID1 "])
def test_a_number_is_short_printable_and_plain(number: str) -> None:
    with pytest.raises(MineralsError, match="smelter number"):
        smelter_id(number, Metal.TIN)


def test_what_is_no_smelter() -> None:
    for wrong in (b"", bytes(31), b"C" * 31 + b"\4"):
        with pytest.raises(MineralsError, match="is no smelter"):
            smelter_of(wrong)


def test_a_status_holds_until_its_last_second() -> None:
    assert status_verdict(Status.CONFORMANT, 10, 10) == Verdict.CONFORMANT
    assert status_verdict(Status.ACTIVE, 10, 11) == Verdict.UNDETERMINABLE
    assert status_verdict(Status.NON_CONFORMANT, 0, 11) == Verdict.NON_CONFORMANT
    assert status_verdict(Status.NOT_ENROLLED, 0, 11) == Verdict.NOT_ENROLLED
    assert status_verdict(Status.NONE, 0, 0) == Verdict.UNDETERMINABLE
