"""The words of the Python package are those of the contracts, read here from their sources."""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain import words
from goldthread.chain.words import EventRef
from goldthread.rules import conditions

CONTRACTS = Path(__file__).parents[2] / "contracts"

LIBRARIES = [
    (words.Role, "libraries/Membership.sol", "Role"),
    (words.Duty, "libraries/Membership.sol", "Duty"),
    (words.Exceptions, "libraries/Exceptions.sol", "Exceptions"),
    (words.Method, "libraries/Method.sol", "Method"),
    (words.Meaning, "libraries/Meaning.sol", "Meaning"),
]
ENUMS = [
    (words.Kind, "interfaces/ITwins.sol", "Kind"),
    (words.EndOfLife, "interfaces/ITwins.sol", "EndOfLife"),
    (words.Purpose, "interfaces/ITwins.sol", "Purpose"),
    (words.Cause, "interfaces/ITwins.sol", "Cause"),
    (words.UnitEnd, "interfaces/ILots.sol", "UnitEnd"),
    (words.LotCause, "interfaces/ILots.sol", "Cause"),
    (words.LicenceOutcome, "interfaces/ILicences.sol", "Outcome"),
    (words.CapabilityCause, "interfaces/ICapabilities.sol", "Cause"),
    (words.FirmwareState, "interfaces/IFirmware.sol", "State"),
    (words.Authority, "interfaces/IRecords.sol", "Authority"),
    (words.Authors, "interfaces/IRecords.sol", "Authors"),
    (words.RequirementStatus, "interfaces/ICompliance.sol", "Status"),
    (words.BatchState, "interfaces/IBatchRelease.sol", "State"),
    (words.ReleaseCause, "interfaces/IBatchRelease.sol", "Cause"),
    (words.Disposition, "interfaces/IConditions.sol", "Disposition"),
    (words.ItemKind, "interfaces/IDesignControl.sol", "Kind"),
    (words.Gate, "interfaces/IDesignControl.sol", "Gate"),
    (words.Source, "interfaces/IDesignControl.sol", "Source"),
    (words.DesignResult, "interfaces/IDesignControl.sol", "Result"),
    (words.ChangeState, "interfaces/IDesignControl.sol", "ChangeState"),
    (words.Obstacle, "interfaces/IDesignControl.sol", "Obstacle"),
    (conditions.Kind, "interfaces/IConditions.sol", "RuleKind"),
]


def block(file: str, head: str) -> str:
    """What stands between the braces after `head`, without comments."""
    text = re.sub(r"//[^\n]*", "", (CONTRACTS / file).read_text())
    return re.search(rf"\b{head}\s*\{{(.*?)^\s*\}}", text, re.DOTALL | re.MULTILINE)[1]


def constants(file: str, library: str) -> dict[str, int]:
    """The single bits; a constant that is a sum of them is no word of its own."""
    found = re.findall(r"constant (\w+) = 1 << (\d+);", block(file, f"library {library}"))
    return {name: 1 << int(bit) for name, bit in found}


def members(file: str, enum: str) -> dict[str, int]:
    names = [name.strip() for name in block(file, f"enum {enum}").split(",")]
    return {name: number for number, name in enumerate(names)}


@pytest.mark.parametrize(("flags", "file", "library"), LIBRARIES)
def test_flags_are_the_constants_of_their_library(flags: type[IntFlag], file: str, library: str) -> None:
    assert {str(flag.name): flag.value for flag in flags} == constants(file, library)


@pytest.mark.parametrize(("enum", "file", "name"), ENUMS)
def test_enums_are_those_of_their_interface(enum: type[IntEnum], file: str, name: str) -> None:
    expected = members(file, name)
    if enum is words.Kind:
        assert expected.pop("NONE") == 0  # what is not registered; nobody says it
    assert {member.name: member.value for member in enum} == expected


def test_every_word_is_compared() -> None:
    compared = {word for word, _, _ in LIBRARIES + ENUMS}
    own = {word for word in vars(words).values() if isinstance(word, type) and issubclass(word, int)}
    assert own - {IntEnum, IntFlag} <= compared


def test_the_exceptions_are_all_that_the_contract_takes() -> None:
    (bits,) = re.findall(
        r"constant ALL = \(1 << (\d+)\) - 1;", block("libraries/Exceptions.sol", "library Exceptions")
    )
    assert sum(words.Exceptions) == (1 << int(bits)) - 1


def layout() -> dict[str, tuple[int, int]]:
    """The fields of an EventStamp as its library says: name to (bits, shift), the last one at the bottom."""
    line = re.search(
        r"^/// (eventTime .* bits)", (CONTRACTS / "libraries/EventStamp.sol").read_text(), re.MULTILINE
    )
    fields = [(name, int(bits)) for name, bits in re.findall(r"(\w+) (\d+) bits", line[1])]
    places, shift = {}, 0
    for name, bits in reversed(fields):
        places[name] = (bits, shift)
        shift += bits
    return places


TIMES = st.integers(0, (1 << 40) - 1)
ZONES = st.integers(-(1 << 15), (1 << 15) - 1)


@given(TIMES, ZONES, st.integers(0, 255))
def test_a_stamp_has_the_layout_of_its_library(time: int, zone: int, profile: int) -> None:
    stamp = EventRef(event_time=time, tz_minutes=zone, profile=profile).stamp
    found = {name: stamp >> shift & ((1 << bits) - 1) for name, (bits, shift) in layout().items()}
    assert found == {"eventTime": time, "tzMinutes": zone % (1 << 16), "profile": profile}
    assert stamp < 1 << 64


def test_the_contracts_take_the_time_from_where_it_is_put() -> None:
    (shift,) = re.findall(
        r"uint40\(stamp >> (\d+)\)", block("libraries/EventStamp.sol", "library EventStamp")
    )
    assert int(shift) == layout()["eventTime"][1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_time", -1),
        ("event_time", 1 << 40),
        ("tz_minutes", -(1 << 15) - 1),
        ("tz_minutes", 1 << 15),
        ("profile", -1),
        ("profile", 256),
    ],
)
def test_what_does_not_fit_is_refused_and_does_not_change_its_neighbour(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^{field} {value} does not fit into"):
        EventRef(**{field: value}).stamp  # noqa: B018


def test_a_reference_has_the_members_of_the_struct_in_their_order() -> None:
    struct = re.findall(r"(\w+) (\w+);", block("interfaces/ITwins.sol", "struct EventRef"))
    assert struct == [
        ("bytes32", "eventHash"),
        ("bytes32", "docHash"),
        ("bytes32", "readPoint"),
        ("bytes32", "bizLocation"),
        ("uint64", "stamp"),
    ]
    hashes = [bytes([number]) * 32 for number in range(1, 5)]
    assert EventRef(*hashes, event_time=1).to_contract() == (*hashes, 1 << 24)
