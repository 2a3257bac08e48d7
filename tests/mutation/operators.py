"""All small changes of a Solidity source that its tests should notice.

Every mutant is one edit of the text between two tokens, so it has a line and an operator. Comments, strings,
imports, declarations without a body, interfaces and assembly are left alone.

    REQ_NEG    require(c), or the c of `if (c) revert`, negated, where that is more than a ROR or UNARY
    COND_DEL   a require, or an `if (c) revert`, deleted
    COND_TRUE  the condition of any other if, or of a while, made true, and made false
    TERNARY    c ? a : b made a, and made b
    ROR        < <= > >= == != replaced: the boundary moved by one, or the opposite
    AOR        + - * / % replaced, and their assignments
    BIT        & | ^ << >> replaced, and their assignments
    LCR        && and || exchanged
    BOUNDARY   a number made one larger, and one smaller
    ZERO       a number made zero
    STMT_DEL   an assignment, a call, a delete or a ++ deleted
    EMIT_DEL   an event not emitted
    EMIT_SWAP  two neighbouring arguments of an event exchanged
    ARG_SWAP   two neighbouring arguments of a call exchanged (not of min and max, where that changes nothing)
    MOD_DEL    a modifier removed
    ENUM_SWAP  a member of an enum made the next one
    SENDER     msg.sender made tx.origin; block.timestamp made one second later
    UNARY      ! dropped; ++ and -- exchanged
    BOOL       true and false exchanged
    ROUND      Math.Rounding.Ceil and Floor exchanged
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Mutant:
    """One edit: the text from `start` to `end` becomes `new`."""

    operator: str
    file: str
    line: int
    function: str
    old: str
    new: str
    start: int
    end: int
    id: str = ""

    def apply(self, source: str) -> str:
        """The file with the edit."""
        return source[: self.start] + self.new + source[self.end :]

    def __str__(self) -> str:
        old, new = (" ".join(text.split())[:60] for text in (self.old, self.new))
        return f"{self.id} {self.operator:9} {self.file}:{self.line} {self.function}: {old!r} -> {new!r}"


@dataclass(frozen=True)
class Token:
    """A word, number, string or sign of the source."""

    kind: str
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>0x[0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:e\d+)?)
      | (?P<word>[A-Za-z_$][\w$]*)
      | (?P<sign>>>>=|<<=|>>=|>>>|\+\+|--|&&|\|\||==|!=|<=|>=|\+=|-=|\*=|/=|%=|\|=|&=|\^=|=>|<<|>>|[^\s\w])
      | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_COMPARISONS = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
}  # fmt: skip
_ARITHMETIC = {
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=",
}  # fmt: skip
_BITS = {
    "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
    "&=": "|=", "|=": "&=", "^=": "&=", "<<=": ">>=", ">>=": "<<=",
}  # fmt: skip
_HEAD_WORDS = frozenset(
    "external public internal private view pure payable virtual override returns constant immutable"
    " memory calldata storage transient".split()
)
_NOT_CALLS = frozenset("if for while return require revert emit new assert catch try type mapping".split())
_NOT_STATEMENTS = _NOT_CALLS | frozenset("else do unchecked assembly break continue throw _".split())
_ELEMENTARY = re.compile(r"(u?int\d*|bytes\d*|address|bool|string|payable)$")
_ASSIGNING = frozenset("= += -= *= /= %= |= &= ^= <<= >>= ( ++ --".split())


def tokenize(source: str) -> list[Token]:
    """The tokens of a source without its comments."""
    return [
        Token(match.lastgroup or "", match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(source)
        if match.lastgroup not in ("comment", "space")
    ]


def enums_of(sources: Iterable[str]) -> dict[str, list[str]]:
    """The members of every enum that the sources declare."""
    found = {}
    for source in sources:
        tokens = tokenize(source)
        for i, token in enumerate(tokens[:-2]):
            if token.text == "enum":
                end = _match(tokens, i + 2)
                found[tokens[i + 1].text] = [t.text for t in tokens[i + 3 : end] if t.kind == "word"]
    return found


def mutants_of(file: str, source: str, enums: Mapping[str, Sequence[str]]) -> list[Mutant]:
    """Every mutant of a file, in the order of the text.

    The id of a mutant depends on its function and on what it changes there, not on where in the file that is:
    it survives edits elsewhere.
    """
    seen: set[tuple[int, int, str]] = set()
    occurrences: Counter[str] = Counter()
    found = []
    for mutant in sorted(_Generator(file, source, enums).run(), key=lambda m: (m.start, m.end)):
        place = (mutant.start, mutant.end, mutant.new)
        if place in seen or mutant.old == mutant.new:
            continue
        seen.add(place)
        text = "|".join((mutant.operator, file, mutant.function, mutant.old, mutant.new))
        digest = hashlib.sha256(f"{text}|{occurrences[text]}".encode()).hexdigest()
        occurrences[text] += 1
        found.append(replace(mutant, id=digest[:10]))
    return found


def _match(tokens: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`."""
    depth = 0
    for i in range(opening, len(tokens)):
        if tokens[i].kind == "sign":
            if tokens[i].text in _CLOSING:
                depth += 1
            elif tokens[i].text in _CLOSING.values():
                depth -= 1
                if depth == 0:
                    return i
    raise ValueError(f"unbalanced {tokens[opening].text} at offset {tokens[opening].start}")


class _Generator:
    def __init__(self, file: str, source: str, enums: Mapping[str, Sequence[str]]) -> None:
        self.file = file
        self.source = source
        self.enums = enums
        self.tokens = tokenize(source)
        self.lines = [match.end() for match in re.finditer("\n", source)]
        self.function = ""

    def run(self) -> Iterator[Mutant]:
        i = 0
        while i < len(self.tokens):
            if self.tokens[i].text in ("contract", "library"):
                name = self.tokens[i + 1].text
                opening = self.find("{", i)
                closing = _match(self.tokens, opening)
                yield from self.members(name, opening + 1, closing)
                i = closing
            elif self.tokens[i].text == "interface":
                i = _match(self.tokens, self.find("{", i))
            i += 1

    def members(self, contract: str, i: int, end: int) -> Iterator[Mutant]:
        """Functions, modifiers, constructors and state variables of a contract."""
        while i < end:
            word = self.tokens[i].text
            if word in ("function", "modifier", "constructor", "receive", "fallback"):
                named = word in ("function", "modifier")
                self.function = f"{contract}.{self.tokens[i + 1].text if named else word}"
                opening = self.body_or_end(i)
                if word != "constructor":
                    yield from self.modifiers(i + 1 + named, opening)
                if self.tokens[opening].text == "{":
                    closing = _match(self.tokens, opening)
                    yield from self.body(opening + 1, closing)
                    opening = closing
                i = opening + 1
            elif word in ("enum", "struct"):
                i = _match(self.tokens, self.find("{", i)) + 1
            elif word in ("event", "error", "using"):
                i = self.find(";", i) + 1
            else:
                self.function = contract
                stop = self.find(";", i)
                for j in range(i, stop):
                    yield from self.arithmetic(j)
                i = stop + 1

    def modifiers(self, i: int, end: int) -> Iterator[Mutant]:
        """MOD_DEL, in the head of a function."""
        i = _match(self.tokens, i) + 1 if self.tokens[i].text == "(" else i
        while i < end:
            token = self.tokens[i]
            if token.text in ("returns", "override") and self.tokens[i + 1].text == "(":
                i = _match(self.tokens, i + 1) + 1
                continue
            if token.kind == "word" and token.text not in _HEAD_WORDS:
                last = i
                while self.tokens[last + 1].text == ".":
                    last += 2
                if self.tokens[last + 1].text == "(":
                    last = _match(self.tokens, last + 1)
                yield self.mutant("MOD_DEL", i, last, "")
                i = last
            i += 1

    def body(self, i: int, end: int) -> Iterator[Mutant]:
        while i < end:
            if self.tokens[i].text == "assembly":
                i = _match(self.tokens, self.find("{", i)) + 1
                continue
            yield from self.guard(i)
            if self.tokens[i - 1].text in (";", "{", "}", ")", "else"):
                yield from self.statement(i)
            yield from self.call(i)
            yield from self.token(i)
            yield from self.arithmetic(i)
            i += 1

    def guard(self, i: int) -> Iterator[Mutant]:
        """REQ_NEG, COND_DEL, COND_TRUE and TERNARY."""
        word = self.tokens[i].text
        if word == "require":
            yield from self.negation(*self.arguments(i + 1)[0])
            yield self.mutant("COND_DEL", i, self.find(";", i), "")
        elif word in ("if", "while"):
            closing = _match(self.tokens, i + 1)
            first, last = i + 2, closing - 1
            if self.tokens[closing + 1].text == "revert":
                yield from self.negation(first, last)
                yield self.mutant("COND_DEL", i, self.find(";", i), "")
            else:
                yield self.mutant("COND_TRUE", first, last, "true")
                yield self.mutant("COND_TRUE", first, last, "false")
        elif word == "?":
            first = self.operand_start(i)
            yield self.mutant("TERNARY", first, i - 1, "true")
            yield self.mutant("TERNARY", first, i - 1, "false")

    def negation(self, first: int, last: int) -> Iterator[Mutant]:
        signs = {token.text for token in self.tokens[first : last + 1]}
        if not signs.isdisjoint(("&&", "||")) or signs.isdisjoint((*_COMPARISONS, "!")):
            yield self.mutant("REQ_NEG", first, last, f"!({self.text(first, last)})")

    def statement(self, i: int) -> Iterator[Mutant]:
        """STMT_DEL, EMIT_DEL and EMIT_SWAP, where a statement begins."""
        token = self.tokens[i]
        end = self.statement_end(i)
        if end is None:
            return
        if token.text == "emit":
            yield self.mutant("EMIT_DEL", i, end, "")
            yield from self.swaps("EMIT_SWAP", self.find("(", i))
        elif token.text == "delete":
            yield self.mutant("STMT_DEL", i, end, "")
        elif token.kind == "word" and token.text not in _NOT_STATEMENTS:
            declaration = self.tokens[i + 1].kind == "word" or (
                _ELEMENTARY.match(token.text) and self.tokens[i + 1].text == "["
            )
            # `Type.Inner name = ...` and `Type[] memory name = ...` declare as well.
            following = [t.text for t in self.tokens[i:end]]
            assigned = next((n for n, text in enumerate(following) if text in _ASSIGNING), None)
            if assigned is None or declaration:
                return
            before = self.tokens[i : i + assigned]
            if any(a.kind == b.kind == "word" for a, b in zip(before, before[1:], strict=False)):
                return
            yield self.mutant("STMT_DEL", i, end, "")

    def call(self, i: int) -> Iterator[Mutant]:
        """ARG_SWAP."""
        token = self.tokens[i]
        if token.kind != "word" or self.tokens[i + 1].text != "(":
            return
        if token.text in (*_NOT_CALLS, "min", "max") or _ELEMENTARY.match(token.text):
            return
        if {"emit", "revert"}.isdisjoint({self.tokens[i - 1].text, self.tokens[i - 3].text}):
            yield from self.swaps("ARG_SWAP", i + 1)

    def token(self, i: int) -> Iterator[Mutant]:
        """ROR, LCR, UNARY, SENDER, BOOL, ENUM_SWAP and ROUND."""
        token, following = self.tokens[i], [t.text for t in self.tokens[i + 1 : i + 3]]
        for other in _COMPARISONS.get(token.text, ()):
            yield self.mutant("ROR", i, i, other)
        if token.text in ("&&", "||"):
            yield self.mutant("LCR", i, i, "||" if token.text == "&&" else "&&")
        elif token.text == "!":
            yield self.mutant("UNARY", i, i, "")
        elif token.text in ("++", "--"):
            yield self.mutant("UNARY", i, i, "--" if token.text == "++" else "++")
        elif token.text == "msg" and following == [".", "sender"]:
            yield self.mutant("SENDER", i, i + 2, "tx.origin")
        elif token.text == "block" and following == [".", "timestamp"]:
            yield self.mutant("SENDER", i, i + 2, "(block.timestamp + 1)")
        elif token.text in ("true", "false"):
            yield self.mutant("BOOL", i, i, "false" if token.text == "true" else "true")
        elif token.text in ("Ceil", "Floor"):
            yield self.mutant("ROUND", i, i, "Floor" if token.text == "Ceil" else "Ceil")
        elif token.text in self.enums and following[0] == "." and following[1] in self.enums[token.text]:
            members = self.enums[token.text]
            other = members[(members.index(following[1]) + 1) % len(members)]
            yield self.mutant("ENUM_SWAP", i + 2, i + 2, other)

    def arithmetic(self, i: int) -> Iterator[Mutant]:
        """AOR, BIT, BOUNDARY and ZERO."""
        token, before = self.tokens[i], self.tokens[i - 1]
        binary = before.kind in ("word", "number") and before.text != "return" or before.text in (")", "]")
        if token.text in _ARITHMETIC and binary:
            yield self.mutant("AOR", i, i, _ARITHMETIC[token.text])
        elif token.text in _BITS and binary:
            yield self.mutant("BIT", i, i, _BITS[token.text])
        elif token.kind == "number" and not token.text.startswith("0x") and before.text != "[":
            if token.text.replace("_", "").isdigit():
                value = int(token.text.replace("_", ""))
                yield self.mutant("BOUNDARY", i, i, str(value + 1))
                if value > 0:
                    yield self.mutant("BOUNDARY", i, i, str(value - 1))
                if value > 1:
                    yield self.mutant("ZERO", i, i, "0")
            else:
                yield self.mutant("BOUNDARY", i, i, f"({token.text} + 1)")
                yield self.mutant("ZERO", i, i, "0")

    def swaps(self, operator: str, opening: int) -> Iterator[Mutant]:
        arguments = self.arguments(opening)
        for (a, b), (c, d) in zip(arguments, arguments[1:], strict=False):
            yield self.mutant(operator, a, d, f"{self.text(c, d)}, {self.text(a, b)}")

    def arguments(self, opening: int) -> list[tuple[int, int]]:
        """First and last token of each argument of the call whose bracket opens at `opening`."""
        closing = _match(self.tokens, opening)
        found, first, i = [], opening + 1, opening + 1
        while i < closing:
            if self.tokens[i].text in _CLOSING and self.tokens[i].kind == "sign":
                i = _match(self.tokens, i)
            elif self.tokens[i].text == ",":
                found.append((first, i - 1))
                first = i + 1
            i += 1
        return [*found, (first, closing - 1)] if first < closing else found

    def operand_start(self, i: int) -> int:
        """The first token of the condition before a `?`."""
        depth = 0
        j = i - 1
        while True:
            text = self.tokens[j].text
            if text in (")", "]", "}"):
                depth += 1
            elif text in _CLOSING:
                if depth == 0:
                    return j + 1
                depth -= 1
            elif depth == 0 and text in (";", ",", "?", ":", "=", "return", "+=", "-=", "|=", "&="):
                return j + 1
            j -= 1

    def statement_end(self, i: int) -> int | None:
        """The semicolon that ends a simple statement; None if this is not one."""
        j = i
        while self.tokens[j].text != ";":
            if self.tokens[j].text in ("(", "["):
                j = _match(self.tokens, j)
            elif self.tokens[j].text == "{":
                if self.tokens[j - 1].text == "}" or not self.is_struct_or_options(j):
                    return None
                j = _match(self.tokens, j)
            elif self.tokens[j].text in (")", "]", "}"):
                return None
            j += 1
        return j

    def is_struct_or_options(self, brace: int) -> bool:
        """`{value: 1}` and `Struct({...})`, not a block."""
        return self.tokens[brace + 1].kind == "word" and self.tokens[brace + 2].text == ":"

    def body_or_end(self, i: int) -> int:
        """The brace that opens the body of a function, or the semicolon of one without."""
        while self.tokens[i].text not in ("{", ";"):
            i = _match(self.tokens, i) + 1 if self.tokens[i].text == "(" else i + 1
        return i

    def find(self, text: str, i: int) -> int:
        while self.tokens[i].text != text:
            i += 1
        return i

    def text(self, first: int, last: int) -> str:
        return self.source[self.tokens[first].start : self.tokens[last].end]

    def mutant(self, operator: str, first: int, last: int, new: str) -> Mutant:
        start, end = self.tokens[first].start, self.tokens[last].end
        line = bisect.bisect_right(self.lines, start) + 1
        return Mutant(operator, self.file, line, self.function, self.source[start:end], new, start, end)
