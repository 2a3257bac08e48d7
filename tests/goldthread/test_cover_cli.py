"""`goldthread cover`: its quotes open on the contract, and what it simulates is what the contract pays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account import Account as EthAccount

from goldthread.chain.devices import SoftKey
from goldthread.cli import main
from tests.goldthread.test_cli import SEPARATE, failed
from tests.models.readings import RuleKind
from tests.models.segments import TEMPERATURE
from tests.support import fresh
from tests.support.cargo import TABLE, USD, Cargo, CargoQuote, Severity, Shipment

START = 1_800_000_000


def run(*arguments: object) -> Result:
    return CliRunner(**SEPARATE).invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def cargo() -> Cargo:
    return Cargo.create(fresh())


def hexed(value: Any) -> Any:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value


@pytest.fixture
def terms(cargo: Cargo, tmp_path: Path) -> Path:
    """The terms of a quote, with the fields that do not come from the conditions."""
    shipment = {name: hexed(value) for name, value in cargo.quote().shipment._asdict().items()}
    for name in ("subject", "setter", "conditions", "salt"):
        del shipment[name]
    path = tmp_path / "terms.json"
    path.write_text(json.dumps({**shipment, "table": [row._asdict() for row in TABLE]}))
    return path


@pytest.fixture
def conditions(cargo: Cargo, tmp_path: Path) -> Path:
    policy = cargo.conditions
    document = {
        "subject": hexed(policy.subject),
        "setter": policy.setter,
        "version": policy.version,
        "start": policy.start,
        "maxInterval": policy.max_interval,
        "maxSilence": policy.max_silence,
        "devices": [hexed(device) for device in policy.devices],
        "rules": [
            {
                "kind": RuleKind(rule.kind).name,
                "quantity": rule.quantity,
                "high": rule.limit.high,
                "limit": rule.limit.value,
                "duration": rule.duration,
                "severity": rule.severity,
                "upper": rule.upper,
            }
            for rule in policy.rules
        ],
    }
    path = tmp_path / "conditions.json"
    path.write_text(json.dumps(document))
    return path


def make(cargo: Cargo, terms: Path, conditions: Path) -> Path:
    """A quote for the contract."""
    out = terms.with_name("quote.json")
    chain = ("--chain-id", cargo.node.chain_id, "--insurance", cargo.insurance.address)
    result = run("cover", "quote", terms, "--conditions", conditions, *chain, "--out", out)
    assert result.exit_code == 0, result.stderr
    return out


def test_a_quote_is_made_signed_and_opened(
    cargo: Cargo, terms: Path, conditions: Path, tmp_path: Path
) -> None:
    made, key, words = make(cargo, terms, conditions), tmp_path / "key.json", tmp_path / "words"
    words.write_text("secret\n")
    key.write_text(json.dumps(EthAccount.encrypt(cargo.underwriter.key, "secret", iterations=2)))
    signed = tmp_path / "signed.json"
    result = run("cover", "sign", made, "--key", key, "--passphrase-file", words, "--out", signed)
    assert result.exit_code == 0, result.stderr
    document = json.loads(signed.read_text())
    quote = parsed(document)
    assert document["policyId"] == f"0x{cargo.id(quote).hex()}"
    signer, signature = (bytes.fromhex(document[name][2:]) for name in ("signer", "signature"))
    cargo.insurance.openPolicy(quote, signer, signature, sender=cargo.holder)

    wallet = EthAccount.sign_typed_data(cargo.underwriter.key, full_message=document["forWallets"])
    assert bytes(wallet.signature) == signature

    shown = run("cover", "show", signed, "--decimals", 6)
    assert shown.exit_code == 0, shown.stderr
    for told in ("20,000.000000", "temperature at or above 8.00", "cumulative 600 s", "silence", "90 %"):
        assert told in shown.stdout
    assert shown.stderr.splitlines() == ["policyId: ok", "conditions: ok", "signature: ok"]
    as_json = json.loads(run("cover", "show", signed, "--json").stdout)
    assert as_json["ok"] == {"policyId": True, "conditions": True, "signature": True}


def parsed(document: dict[str, Any]) -> CargoQuote:
    values = document["quote"]["shipment"]
    shipment = Shipment(
        **{
            name: bytes.fromhex(value[2:]) if isinstance(value, str) and len(value) == 66 else value
            for name, value in values.items()
        }
    )
    return CargoQuote(shipment, tuple(Severity(**row) for row in document["quote"]["table"]))


def test_what_was_changed_is_seen(cargo: Cargo, terms: Path, conditions: Path, tmp_path: Path) -> None:
    document = json.loads(make(cargo, terms, conditions).read_text())
    key = SoftKey.secp256k1(cargo.underwriter.key)
    digest = bytes.fromhex(document["policyId"][2:])
    document |= {"signer": hexed(key.signer), "signature": hexed(key.sign(digest))}
    other = tmp_path / "other.json"
    document["quote"]["shipment"]["premium"] += 1
    other.write_text(json.dumps(document))
    result = run("cover", "show", other)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["policyId: WRONG", "conditions: ok", "signature: WRONG"]
    document["conditions"]["start"] += 1
    other.write_text(json.dumps(document))
    assert "conditions: WRONG" in run("cover", "show", other).stderr


@pytest.mark.parametrize("rejected", [False, True])
def test_what_is_simulated_is_paid(
    cargo: Cargo, terms: Path, conditions: Path, tmp_path: Path, rejected: bool
) -> None:
    """The same readings, through files and through the contracts."""
    made = make(cargo, terms, conditions)
    quote = parsed(json.loads(made.read_text()))
    cargo.open(quote)
    cargo.depart(quote)
    values, start = [500, 1000, 700, -299, 700], cargo.now
    readings = tmp_path / "trip.csv"
    readings.write_text("".join(f"{start + 60 * i},{value / 100:.2f}\n" for i, value in enumerate(values)))
    segments = tmp_path / "trip.json"
    about = ("--device", hexed(cargo.cold.logger.id), "--subject", hexed(cargo.cold.pallet))
    limits = ("--above", "8.00", "--below", "0.00")
    result = run("segment", "build", readings, *about, *limits, "--out", segments)
    assert result.exit_code == 0, result.stderr
    cargo.measure(values)
    if rejected:
        cargo.reject()
    trip = ("--start", start, "--end", quote.shipment.latestEnd)
    extra = ("--rejected",) if rejected else ()
    told = json.loads(run("cover", "simulate", made, segments, *trip, *extra, "--json").stdout)
    for breach in told["breaches"]:
        worth = cargo.insurance.policyOf(cargo.id(quote)).share
        if breach["share"] > worth:
            cargo.claim(quote, breach["rule"])
            assert cargo.insurance.policyOf(cargo.id(quote)).share == breach["share"]
        found = cargo.world.conditions.breach(
            cargo.conditions_id, cargo.cold.logger.id, TEMPERATURE, breach["rule"]
        )
        assert (found.firstCrossing, found.extreme, found.time, found.until) == (
            breach["firstCrossing"], breach["extreme"], breach["time"], breach["until"],
        )  # fmt: skip
    (event,) = cargo.insurance.events(cargo.insurance.settle(quote, sender=cargo.holder))
    assert event["payment"] == told["payment"] == (17_500 if rejected else 13_500) * USD
    shown = run("cover", "simulate", made, segments, *trip, *extra, "--decimals", 6)
    assert f"pays {17_500 if rejected else 13_500:,}.000000" in shown.stdout
    late = ("--start", start + 1000, "--end", start + 2000)
    nothing = run("cover", "simulate", made, segments, *late)
    assert "not in the trip" in nothing.stdout
    assert "pays 0 for a share of 0 %" in nothing.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "0x00"}, "subject comes from the conditions"),
        ({"colour": 1}, "colour is no field of a shipment"),
        ({"premium": None}, "premium is missing"),
        ({"premium": -1}, "premium -1 is no whole number of 96 bits"),
        ({"premium": "7"}, "premium '7' is no whole number of 96 bits"),
        ({"holder": "0x12"}, "holder '0x12': must be an address"),
        ({"salt": "0x12"}, "must be 0x and 64 hex digits"),
        ({"table": None}, "has no shipment, or no table of rows"),
        ({"table": [{"rule": 0}]}, "row 1: must have rule, beyond, time and share"),
        (
            {"table": [{"rule": 0, "beyond": 0, "time": 0, "share": 1_000_001}]},
            "share 1000001 is not between",
        ),
        ({"table": [{"rule": 256, "beyond": 0, "time": 0, "share": 1}]}, "rule 256 does not fit into 8 bits"),
        ({"table": [{"rule": 0, "beyond": 0, "time": 0, "share": 1}] * 33}, "the table has 33 rows"),
        ({"rejectShare": 1_000_001}, "reject_share 1000001 is not between"),
        ({"recallClass": 4}, "recall_class 4 is not 0"),
        ({"recallClass": 0}, "are both 0, or neither"),
        ({"deductible": 20_000 * USD}, "nothing that could happen would be paid for"),
        ({"carrier": 0}, "carrier 0 is nobody, or the consignee"),
        ({"latestEnd": 5}, "latestEnd 5 is not after latestStart"),
        ({"claimWindow": 0}, "claimWindow 0 leaves no time to claim"),
    ],
)
def test_terms_that_the_contract_would_refuse(
    cargo: Cargo, terms: Path, conditions: Path, changes: dict[str, Any], message: str
) -> None:
    terms.write_text(json.dumps({**json.loads(terms.read_text()), **changes}))
    out = terms.with_name("quote.json")
    chain = ("--chain-id", 1, "--insurance", cargo.insurance.address, "--out", out)
    failed(run("cover", "quote", terms, "--conditions", conditions, *chain), message)
    assert not out.exists()


def test_what_an_underwriter_hardly_means(cargo: Cargo, terms: Path, conditions: Path) -> None:
    rows = [Severity(1, 0, 599, 5), Severity(1, 0, 600, 6), Severity(15, 7, 0, 7)]
    document = json.loads(terms.read_text()) | {"table": [row._asdict() for row in rows]}
    terms.write_text(json.dumps(document))
    result = run(
        "cover", "quote", terms, "--conditions", conditions, "--chain-id", 1,
        "--insurance", cargo.insurance.address,
    )  # fmt: skip
    assert result.exit_code == 0
    first, second = result.stderr.splitlines()
    assert "row 1: rule 1 breaks after 600 s" in first
    assert "row 3: number 15 has no limit" in second


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": [{"kind": "WARM"}]}, "the conditions have no WARM, or do not know it"),
        ({"rules": None}, "the conditions are malformed"),
        ({"setter": -1}, "setter -1 is no whole number of 32 bits"),
        ({"devices": ["0x12"]}, "must be 0x and 64 hex digits"),
    ],
)
def test_conditions_that_are_none(
    cargo: Cargo, terms: Path, conditions: Path, changes: dict[str, Any], message: str
) -> None:
    conditions.write_text(json.dumps({**json.loads(conditions.read_text()), **changes}))
    chain = ("--chain-id", 1, "--insurance", cargo.insurance.address)
    failed(run("cover", "quote", terms, "--conditions", conditions, *chain), message)


def test_files_and_options_that_do_not_fit(
    cargo: Cargo, terms: Path, conditions: Path, tmp_path: Path
) -> None:
    failed(run("cover", "quote", terms, "--conditions", conditions), "say for which contract")
    failed(run("cover", "show", terms), "is no quote file of schema 1")
    made = make(cargo, terms, conditions)
    segments = tmp_path / "segments.json"
    segments.write_text("{}")
    failed(run("cover", "simulate", made, segments, "--start", 5, "--end", 5), "is not after --start 5")
    failed(run("cover", "simulate", made, segments, "--start", 5, "--end", 6), "is no segment file")
    document = json.loads(made.read_text())
    del document["domain"]["name"]
    made.write_text(json.dumps(document))
    failed(run("cover", "show", made), "the domain has no name")
