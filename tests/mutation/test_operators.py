"""The mutants are those that the operators promise, and only those."""

from __future__ import annotations

import pytest

from tests.mutation.operators import Mutant, enums_of, mutants_of

HEADER = """
// contract Comment { uint256 a = 1 + 1; }
import {X} from "./X.sol";
enum Kind { PART, LOT }
interface I { event E(uint256 indexed a); function f(uint256 a) external returns (uint256); }
"""


def mutants(body: str, state: str = "") -> list[Mutant]:
    source = f"{HEADER}contract C is I {{ {state} event Said(uint256 a, string b); {body} }}"
    return mutants_of("C.sol", source, enums_of([source]))


def edits(body: str, state: str = "", head: str = "external") -> list[tuple[str, str, str]]:
    return [(m.operator, m.old, m.new) for m in mutants(f"function f() {head} {{ {body} }}", state)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if (a < b) revert X();", [
            ("COND_DEL", "if (a < b) revert X();", ""), ("ROR", "<", "<="), ("ROR", "<", ">="),
        ]),
        (
            "require(ok && c, X());",
            [
                ("COND_DEL", "require(ok && c, X());", ""),
                ("REQ_NEG", "ok && c", "!(ok && c)"),
                ("LCR", "&&", "||"),
            ],
        ),
        ("if (!ok) { g(); }", [
            ("COND_TRUE", "!ok", "true"), ("COND_TRUE", "!ok", "false"), ("UNARY", "!", ""),
            ("STMT_DEL", "g();", ""),
        ]),
        ("x = c ? a : 2;", [
            ("STMT_DEL", "x = c ? a : 2;", ""), ("TERNARY", "c", "true"), ("TERNARY", "c", "false"),
            ("BOUNDARY", "2", "3"), ("BOUNDARY", "2", "1"), ("ZERO", "2", "0"),
        ]),
        ("uint256 y = a * b;", [("AOR", "*", "/")]),
        ("Kind k = Kind.LOT;", [("ENUM_SWAP", "LOT", "PART")]),
        ("x |= a << b;", [("STMT_DEL", "x |= a << b;", ""), ("BIT", "|=", "&="), ("BIT", "<<", ">>")]),
        ("emit Said(a, b);", [("EMIT_DEL", "emit Said(a, b);", ""), ("EMIT_SWAP", "a, b", "b, a")]),
        ("return g(a, b[1]);", [("ARG_SWAP", "a, b[1]", "b[1], a")]),
        ("return Math.min(a, b);", []),
        ("delete x;", [("STMT_DEL", "delete x;", "")]),
        ("return -1e6;", [("BOUNDARY", "1e6", "(1e6 + 1)"), ("ZERO", "1e6", "0")]),
        ("return msg.sender == owner;", [("SENDER", "msg.sender", "tx.origin"), ("ROR", "==", "!=")]),
        ("return block.timestamp;", [("SENDER", "block.timestamp", "(block.timestamp + 1)")]),
        ("assembly { let z := add(1, 2) }", []),
        ('string memory s = "1 + 1"; /* 2 + 2 */', []),
        ("return true;", [("BOOL", "true", "false")]),
        ("return Math.mulDiv(a, b, c, Math.Rounding.Ceil);", [
            ("ARG_SWAP", "a, b", "b, a"), ("ARG_SWAP", "b, c", "c, b"),
            ("ARG_SWAP", "c, Math.Rounding.Ceil", "Math.Rounding.Ceil, c"), ("ROUND", "Ceil", "Floor"),
        ]),
    ],
)  # fmt: skip
def test_an_operator_makes_exactly_its_mutants(body: str, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(edits(body)) == sorted(expected)


def test_heads_and_state_are_mutated_and_declarations_are_not() -> None:
    assert edits("", head="external guarded only(a) returns (uint256)") == [
        ("MOD_DEL", "guarded", ""),
        ("MOD_DEL", "only(a)", ""),
    ]
    assert edits("", state="uint256 constant LIMIT = 8; mapping(uint256 => uint256[2]) m;") == [
        ("BOUNDARY", "8", "9"),
        ("BOUNDARY", "8", "7"),
        ("ZERO", "8", "0"),
    ]
    assert mutants("struct S { uint256 a; } error Bad(uint256 a); modifier only() { _; }") == []
    assert mutants("constructor(address a) Base(a) { }") == []


def test_a_mutant_is_one_edit_of_the_text() -> None:
    source = (
        "contract C {\n    function f() external pure returns (uint256) {\n        return 1 + 2;\n    }\n}\n"
    )
    (mutant,) = [m for m in mutants_of("C.sol", source, {}) if m.operator == "AOR"]
    assert mutant.apply(source) == source.replace("+", "-")
    assert (mutant.line, mutant.function) == (3, "C.f")


def test_the_ids_differ_and_survive_edits_elsewhere() -> None:
    body = "function f() external { x = a + b; x = a + b; }"
    before = mutants(body)
    assert len({mutant.id for mutant in before}) == len(before) == 4
    after = mutants("function e() external { x = a + b; } " + body)
    assert {mutant.id for mutant in before} < {mutant.id for mutant in after}
