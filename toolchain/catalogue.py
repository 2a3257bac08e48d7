"""Write docs/events.md and docs/errors.md from the NatSpec of the contracts and the package's advice.

python -m toolchain.catalogue            write them
python -m toolchain.catalogue --check    fail when they are out of date
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from goldthread.build import ROOT, Artifact, ensure_built
from goldthread.chain import abi
from goldthread.chain.advice import advice
from goldthread.hashing import keccak

ALERTS = {
    "BREACH": "Conditions: a rule of a policy was broken; `ref` is the policy.",
    "CONTRADICTED": "LoggerReports: a logger's report contradicts segments; `ref` is the report, `org` who "
    "attached the logger.",
    "DESIGN_REOPENED": "DesignControl: a design (`subject`) that was transferred is back before a gate; "
    "`ref` is the record because of which, `org` its owner.",
    "DUPLICATE": "Lots: a unit (`subject`) is in two containers; `ref` is one of them, `org` who packed it.",
    "FORM_SD_OVERDUE": "ConflictMinerals: Form SD for a product was due and not filed; `ref` is the "
    "declaration.",
    "INHERITED": "Exposures: a twin was in a container during a breach and is held; `ref` is the breach.",
    "FALSIFIED": "Telemetry: a segment about `subject` was proved false; `ref` is its digest, `org` 0. "
    "Conditions: it was judged; `ref` is the policy.",
    "OVERDUE": "Compliance: a requirement of a case was not met in time; `ref` is the case, `org` whose "
    "it is.",
    "LATE": "Records: a record about `subject` was written later than its schema allows; `ref` is the "
    "record, `org` its author's.",
    "OVERDRAFT": "Licences: more seats or units are used than were granted; `ref` is the licence's number, "
    "`org` the licensor.",
    "OVERDRAWN": "UsageMeters: the balance of a meter did not suffice; `ref` is the meter, `org` the "
    "licensor.",
    "SILENT": "Conditions: a device of a policy was silent for too long; `ref` is the policy.",
    "SMELTER": "ConflictMinerals: a smelter in a declaration of `subject` is neither conformant nor active; "
    "`ref` is the smelter, `org` who declared.",
    "SUSPECT": "Verification: evidence against a unit was reported; `ref` is the lot on the label.",
}

EVENTS = """\
# Events

Generated from the contracts by `make abis`. `*` marks an indexed field (a topic). Filter by the emitting
address, which is in the deployment manifest, and never by topic alone: anybody can emit a log that looks like
one of these.

The id of the thing, policy or organisation is topic 1 of every event. Amounts are in base units, times in
unix seconds. All state of every contract can be rebuilt from its events; `goldthread audit rebuild` does it.

## Alerts

`Alert` is the same event in all modules. Its `code` is the first four bytes of the Keccak-256 hash of a name:

| name | code | meaning |
|---|---|---|
"""

ERRORS = """\
# Errors

Generated from the contracts and from `goldthread/chain/advice.py` by `make abis`. A contract that refuses
reverts with one of these, and changes nothing. The first four bytes of the revert data are the selector; the
values follow.

"""


def main() -> int:
    """Write or check both files."""
    built = ensure_built(abi.CONTRACTS)
    stale = []
    for name, text in (("events.md", events(built)), ("errors.md", errors(built))):
        path = ROOT / "docs" / name
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            stale.append(str(path.relative_to(ROOT)))
    for found in stale:
        print(f"{found}: out of date; run `make abis`")
    return 1 if stale else 0


def events(built: Mapping[str, Artifact]) -> str:
    """The catalogue of events."""
    lines = [f"| {name} | `0x{keccak(name.encode())[:4].hex()}` | {text} |" for name, text in ALERTS.items()]
    for contract in abi.CONTRACTS:
        lines += ["", f"## {contract}"]
        for entry, notice, params in described(built[contract], "event"):
            fields = ", ".join(
                f"{abi.type_of(p)} {p['name']}{'*' if p['indexed'] else ''}" for p in entry["inputs"]
            )
            topic = abi.hash_of(abi.signature(entry)).hex()
            lines += ["", f"### {entry['name']}", "", notice, "", f"`{fields}`", "", f"topic 0: `0x{topic}`"]
            if params:
                lines += ["", *(f"- `{name}`: {text}" for name, text in params.items())]
    return EVENTS + "\n".join(lines) + "\n"


def errors(built: Mapping[str, Artifact]) -> str:
    """The catalogue of errors."""
    lines = []
    for contract in abi.CONTRACTS:
        lines += ["", f"## {contract}", "", "| error | selector | why | what to do |", "|---|---|---|---|"]
        for entry, notice, _ in described(built[contract], "error"):
            values = ", ".join(f"{abi.type_of(p)} {p['name']}" for p in entry["inputs"])
            selector = abi.hash_of(abi.signature(entry))[:4].hex()
            lines.append(
                f"| `{entry['name']}({values})` | `0x{selector}` | {notice} | {advice(entry['name'])} |"
            )
    return ERRORS + "\n".join(lines).lstrip("\n") + "\n"


def described(artifact: Artifact, kind: str) -> Iterator[tuple[Mapping[str, Any], str, dict[str, str]]]:
    """The events or errors of a contract with their notices and parameters, by name."""
    output = json.loads(artifact.metadata)["output"]
    for entry in sorted((e for e in artifact.abi if e["type"] == kind), key=lambda e: str(e["name"])):
        signature = abi.signature(entry)
        notices = output["userdoc"].get(f"{kind}s", {}).get(signature, {})
        details = output["devdoc"].get(f"{kind}s", {}).get(signature, {})
        if kind == "error":
            notices, details = (found[0] if found else {} for found in (notices, details))
        text = notices.get("notice") or details.get("details", "")
        yield entry, text, details.get("params", {})


if __name__ == "__main__":
    sys.exit(main())
