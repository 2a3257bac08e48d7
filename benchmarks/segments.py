"""Measure how fast a gateway makes signed segments, and write its part of docs/benchmarks.md.

    python -m benchmarks.segments [READINGS]

Fails where the bar is missed, and writes nothing then.
"""

from __future__ import annotations

import sys
from random import Random
from textwrap import fill

from benchmarks.merkle import DOCUMENT, timed, with_part
from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey, verify
from goldthread.chain.segments import Segment, build
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import Limit, summarise

COUNT = 500_000
TITLE = "## Signed segments"
BAR = 50_000
"""Readings a CPU second, from parsed readings to signed segments, in each row."""
DAY, MINUTE = 1440, 60
LIMITS = (Limit(False, 200), Limit(True, 800))
WHERE = eip712.domain("Telemetry", 1, "0x" + "11" * 20)
KEYS = {
    "secp256k1 (coincurve)": SoftKey.secp256k1(bytes(31) + b"\7"),
    "P-256 (OpenSSL)": SoftKey.p256(7, "0x" + "22" * 20),
}


def readings_of(count: int) -> list[Reading]:
    """One a minute; the value wanders over both limits."""
    random, value, found = Random(5), 500, []  # noqa: S311  a walk, no secret
    for place in range(count):
        value = max(-500, min(1500, value + random.randint(-20, 20)))
        found.append(Reading(1_800_000_000 + MINUTE * place, value))
    return found


def measure(count: int) -> str:
    """The part of the page; `SystemExit` where the bar is missed."""
    readings, rows = readings_of(count), []
    for name, key in KEYS.items():
        for most in (DAY // 5, DAY):
            for histogram in (False, True):
                speed = count / seconds(readings, key, most, histogram=histogram)
                if speed < BAR:
                    raise SystemExit(f"bar missed: {name}, {most} readings a segment: {speed:,.0f} a second")
                told = "2 limits, histogram" if histogram else "2 limits"
                rows.append(f"| {name} | {most:,} | {told} | {speed:,.0f} |")
    intro = (
        f"{count:,} parsed readings, one a minute, one core, CPU time: summaries, tree, EIP-712 digest and"
        " signature of each segment. `make bench-segments` measures again and rewrites this part."
        f" Bar: {BAR:,} readings a second in each row."
    )
    head = ["| key | readings a segment | tells of | readings a second |", "|---|---:|---|---:|"]
    return "\n".join([TITLE, "", fill(intro, 120), "", *head, *rows])


def seconds(readings: list[Reading], key: SoftKey, most: int, *, histogram: bool) -> float:
    """CPU seconds to make them into signed segments, of which a few are checked."""

    def work() -> list[tuple[int, bytes, bytes]]:
        parts = build(
            readings,
            device=bytes(32),
            subject=bytes(32),
            quantity=1,
            limits=LIMITS,
            most=most,
            histogram=histogram,
        )
        checked.extend(parts[:: max(len(parts) // 3, 1)])
        digests = (segment.digest(WHERE) for segment, _ in parts)
        return [(place, digest, key.sign(digest)) for place, digest in enumerate(digests)]

    checked: list[tuple[Segment, list[Reading]]] = []
    spent, signed = timed(work)
    if not all(verify(key.signer, digest, signature) for _, digest, signature in signed[::50]):
        raise SystemExit("a signature is wrong")
    for segment, inside in checked:
        if segment.summary != summarise(inside, LIMITS, histogram=histogram):
            raise SystemExit("a summary is wrong")
    return float(spent)


def main() -> None:
    """Measure and write."""
    part = measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
    page = DOCUMENT.read_text() if DOCUMENT.is_file() else "# Benchmarks\n"
    DOCUMENT.write_text(with_part(page, part))


if __name__ == "__main__":
    main()
