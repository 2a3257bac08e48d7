"""Every command, with good and with bad input."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from goldthread.cli import main
from goldthread.commands.output import clean, moment
from goldthread.gs1 import twin_id
from tests.goldthread.chains import deployment_of
from tests.goldthread.history import History
from tests.support import AnvilNode
from tests.support.words import Kind
from tests.support.world import World, sscc, uri

LINK = "https://id.gs1.org/01/09506000134352/21/ABC"
VERIFIER = "0x" + "77" * 20
TELEMETRY = "0x" + "55" * 20


# Until click 8.2 a runner mixes the two streams unless it is told not to.
SEPARATE: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner(**SEPARATE).invoke(main, [str(argument) for argument in arguments], **options)


def failed(result: Result, message: str) -> None:
    """Exit code 2, nothing on standard output, one line on standard error."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.rstrip().splitlines()) == 1


COMMANDS = [
    [], ["id"], ["quote"], ["segment"], ["segment", "build"], ["segment", "verify"], ["segment", "prove"],
    ["segment", "show"], ["proof"], ["proof", "export"], ["proof", "verify"], ["history"], ["audit"],
    ["audit", "rebuild"], ["report"], ["report", "verify"], ["report", "show"], ["report", "attest"],
    ["audit", "rebuild"], ["cover"], ["cover", "quote"], ["cover", "sign"], ["cover", "show"],
    ["cover", "simulate"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")
    if command and command not in (["segment"], ["proof"], ["audit"], ["cover"], ["report"]):
        assert "Example:" in result.stdout
        assert f"goldthread {' '.join(command)} " in result.stdout


def test_the_program_starts_without_the_slow_libraries() -> None:
    slow = "('web3', 'ape', 'eth_account', 'rich')"
    code = f"import sys, goldthread.cli; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    version = run("--version")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", version.stdout)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("goldthread.gs1.identify", broken)
    assert isinstance(run("id", LINK).exception, ZeroDivisionError)


# --------------------------------------------------------------------------------------------------- id


def test_id_in_words_and_as_json() -> None:
    result = run("id", "--prefix-length", 7, "01/9506000134352/21/ABC")
    assert result.exit_code == 0
    for text in (LINK, f"0x{twin_id(LINK).hex()}", "GTIN (01)", "serial number (21)", "9506000"):
        assert text in result.stdout
    data = json.loads(run("id", "--json", "--prefix-length", 7, LINK + "?x=1").stdout)
    assert data["uri"] == LINK
    assert data["twin"] == f"0x{twin_id(LINK).hex()}"
    assert (data["prefix"], data["namespace"], data["suffix"]) == ("9506000", "9506000", "ABC")
    assert "give --prefix-length" in run("id", LINK).stdout


def test_id_of_another_uri() -> None:
    data = json.loads(run("id", "--json", "urn:cage:1ABC2:engine-7").stdout)
    assert data["namespace"] == "urn:cage:1ABC2:"
    assert "key" not in data


FORMS = {
    "uri": LINK,
    "urn": "urn:epc:id:sgtin:9506000.013435.ABC",
    "class": LINK.removesuffix("/21/ABC"),
    "classUrn": "urn:epc:idpat:sgtin:9506000.013435.*",
    "elementString": "010950600013435221ABC",
    "bracketed": "(01)09506000134352(21)ABC",
    "prefixLength": 7,
}


@pytest.mark.parametrize("form", ["uri", "urn", "elementString", "bracketed"])
def test_id_shows_all_forms_from_each(form: str) -> None:
    data = json.loads(run("id", "--json", "--prefix-length", 7, FORMS[form]).stdout)
    assert {name: data[name] for name in FORMS} == FORMS
    assert data["classId"] == f"0x{twin_id(data['class']).hex()}"
    shown = run("id", "--prefix-length", 7, FORMS[form]).stdout
    for value in FORMS.values():
        assert f" {value}\n" in shown


def test_id_of_a_urn_knows_the_prefix() -> None:
    assert json.loads(run("id", "--json", FORMS["urn"]).stdout)["prefix"] == "9506000"
    failed(run("id", "--prefix-length", 6, FORMS["urn"]), "has a prefix of 7 digits")


def test_id_of_what_has_no_class_or_no_urn() -> None:
    data = json.loads(run("id", "--json", "--prefix-length", 7, "00/340123453111111115").stdout)
    assert (data["class"], data["classId"], data["classUrn"]) == (None, None, None)
    assert data["urn"] == "urn:epc:id:sscc:4012345.3311111111"
    model = "8013/1987654Ad4X4bL5ttr2310c2K"
    assert json.loads(run("id", "--json", "--prefix-length", 7, model).stdout)["urn"] is None
    assert "EPC URN" not in run("id", "--prefix-length", 7, model).stdout
    assert "prefix" not in json.loads(run("id", "--json", FORMS["bracketed"]).stdout)


def test_id_of_a_bar_code_shows_what_else_it_says() -> None:
    code = "8006095060001343520102^21A^17271231"
    data = json.loads(run("id", "--json", code).stdout)
    assert data["others"] == [{"ai": "17", "title": "USE BY or EXPIRY", "value": "271231"}]
    assert data["elementString"] == "8006095060001343520102\x1d21A"
    shown = run("id", code).stdout
    assert "271231  USE BY or EXPIRY" in shown
    assert "8006095060001343520102^21A" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01/9506000134353", "GTIN (01) '09506000134353': check digit is 3, must be 2"),
        ("9506000134352", "element string '9506000134352': has no GS1 key"),
        ("(01)09506000134353", "GTIN (01) '09506000134353': check digit is 3, must be 2"),
        ("ABC", "has no pair of GS1 key and value"),
        ("https://id.gs1.org/01/09506000134352/21/a%20b", "' ' is not one of the GS1 character set 82"),
        ("acme:engine", "must have an authority"),
        ("urn:epc:id:sgtin:9506000.13435.1", "prefix and reference of sgtin must have 13 digits together"),
        ("https://acme.example/", "is an authority with nothing behind it"),
    ],
)
def test_id_names_the_rule(text: str, message: str) -> None:
    failed(run("id", text), message)


def test_id_refuses_a_prefix_length_that_cannot_be() -> None:
    result = run("id", "--prefix-length", 3, LINK)
    assert result.exit_code == 2
    assert "4<=x<=12" in result.stderr


# ------------------------------------------------------------------------------------------------ quote

TERMS = {
    "base": 30_000_000, "period": 2_592_000, "rate": 32_000, "rateDistance": 1_609_344,
    "nightWeight": 250_000, "speedingWeight": 500_000, "brakeMetres": 800, "accelMetres": 400,
    "cornerMetres": 400, "phoneMetres": 1000, "minimum": 10_000_000, "maximum": 150_000_000,
    "kmCredit": 200, "nightPenalty": 100, "speedingPenalty": 1000, "brakePenalty": 8000,
    "accelPenalty": 6000, "cornerPenalty": 6000, "phonePenalty": 10_000,
    "tierMin": 700_000, "tierMax": 1_500_000, "defaultMetres": 50_000,
}  # fmt: skip


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    path = tmp_path / "terms.json"
    path.write_text(json.dumps(TERMS))
    return path


@pytest.mark.parametrize(
    ("arguments", "premium"),
    [
        (["--metres", 804_672], 46_000_000),
        (["--metres", 1_200_000, "--night", 150_000, "--speeding", 20_000, "--brakes", 6, "--accels", 3,
          "--corners", 2, "--phone", 4], 55_019_883),
        (["--metres", 1_200_000, "--night", 150_000, "--speeding", 20_000, "--brakes", 6, "--accels", 3,
          "--corners", 2, "--phone", 4, "--tier", 1_200_000], 60_023_860),
        (["--metres", 20_000_000], 150_000_000),
        (["--metres", 321_869, "--seconds", 12 * 86_400], 18_400_003),
    ],
)  # fmt: skip
def test_quotes_of_the_worked_numbers(terms: Path, arguments: list[object], premium: int) -> None:
    result = run("quote", terms, *arguments, "--json")
    assert json.loads(result.stdout)["premium"] == premium


def test_a_quote_shows_how_it_came_about(terms: Path) -> None:
    result = run("quote", terms, "--metres", 1_200_000, "--night", 150_000, "--brakes", 6, "--decimals", 6)
    assert result.exit_code == 0
    for text in ("1,200,000 m", "150,000 m × 0.25", "37,500 m", "6 × 800 m", "premium", "next tier", "30"):
        assert text in result.stdout


def test_terms_may_be_written_as_in_python(tmp_path: Path) -> None:
    path = tmp_path / "terms.json"
    path.write_text(
        json.dumps({"base": 5, "period": 10, "rate": 0, "rate_distance": 1, "minimum": 0, "maximum": 9})
    )
    assert json.loads(run("quote", path, "--json").stdout)["premium"] == 5


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"colour": 1}, [], "colour is none of the terms: base, period"),
        ({"base": 1.5}, [], "base is 1.5, must be a whole number"),
        ({"base": True}, [], "base is true, must be a whole number"),
        ({"base": -1}, [], "base must not be negative"),
        ({"maximum": 0}, [], "must not be zero"),
        ({"minimum": 10**9}, [], "minimum 1000000000 exceeds maximum 150000000"),
        ({}, ["--night", 1], "--night 1: exceeds the 0 metres driven"),
        ({}, ["--seconds", 10**9], "--seconds 1000000000: a period has 2592000 seconds"),
    ],
)
def test_a_quote_names_what_is_wrong(
    terms: Path, changes: dict[str, Any], arguments: list[object], message: str
) -> None:
    terms.write_text(json.dumps({**TERMS, **changes}))
    failed(run("quote", terms, *arguments), message)


def test_a_quote_needs_all_its_terms(terms: Path) -> None:
    terms.write_text(json.dumps({"base": 1}))
    failed(run("quote", terms), "missing 5 required positional arguments: 'period'")
    terms.write_text("[]")
    failed(run("quote", terms), "must hold a JSON object")
    terms.write_text("{")
    failed(run("quote", terms), "is no JSON")
    failed(run("quote", "nowhere.json"), "nowhere.json: No such file or directory")


# ---------------------------------------------------------------------------------------------- segment


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    path = tmp_path / "trip.csv"
    rows = [(1_800_000_000 + 60 * i, value) for i, value in enumerate(["5.0", "7.9", "8.0", "8.5", "4"])]
    rows += [(1_800_001_000, "1.99")]
    path.write_text("time,value\n" + "".join(f"{time},{value}\n" for time, value in rows))
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "logger.pem"
    secret = ec.derive_private_key(4711, ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(secret.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


def build(trip: Path, out: Path | None, *more: object) -> Result:
    where = [] if out is None else ["--out", out]
    return run(
        "segment", "build", trip, "--device", "8004/9506000LOGGER1", "--subject", "00/395060000000000016",
        "--above", "8.00", "--below", "2.00", "--max-interval", 300, *where, *more,
    )  # fmt: skip


SIGN = ["--chain-id", 31337, "--telemetry", TELEMETRY, "--verifier", VERIFIER]


def test_segments_are_built_signed_and_verified(trip: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "trip.json"
    result = build(trip, out, "--key", key, *SIGN)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "6 readings in 2 signed segments" in result.stderr
    data = json.loads(out.read_text())
    first, second = data["segments"]
    assert (first["count"], second["count"], second["seq"]) == (5, 1, 2)
    assert first["excursions"] == [
        {
            "high": True,
            "limit": 800,
            "first": 120,
            "prefix": 0,
            "suffix": 0,
            "longest": 120,
            "total": 120,
            "runs": 1,
        }
    ]
    assert first["histogram"] is None
    assert data["signer"].startswith(VERIFIER)
    assert "0x" + 31 * "00" not in out.read_text().replace(str(4711), "")

    checked = run("segment", "verify", out)
    assert checked.exit_code == 0
    assert checked.stdout.count(": ok") == 8
    assert "signed by" in checked.stderr
    assert run("segment", "verify", out, "--signer", data["signer"]).stderr == ""
    assert json.loads(run("segment", "verify", out, "--json").stdout)["ok"] is True
    shown = run("segment", "show", out).stdout
    assert "2027-01-15T08:00:00Z to 2027-01-15T08:04:00Z" in shown
    assert "4.00 °C to 8.50 °C, last 4.00 °C" in shown
    assert "120 s in 1, longest 120 s" in shown


def test_a_histogram_is_told_where_it_is_asked_for(trip: Path, key: Path, tmp_path: Path) -> None:
    out, proof = tmp_path / "trip.json", tmp_path / "proof.json"
    assert build(trip, out, "--histogram", "--key", key, *SIGN).exit_code == 0
    first, second = json.loads(out.read_text())["segments"]
    assert sum(weight for _, weight in first["histogram"]) == 100 * (first["to"] - first["from"])
    assert second["histogram"] == []
    assert run("segment", "verify", out).exit_code == 0
    assert run("segment", "prove", out, 3, "--out", proof).exit_code == 0
    assert run("segment", "verify", proof).exit_code == 0
    first["histogram"][0][1] -= 1
    proof.write_text(json.dumps(json.loads(out.read_text()) | {"segments": [first]}))
    assert "summary: WRONG" in run("segment", "verify", proof).stdout


def test_without_a_key_segments_are_not_signed(trip: Path, tmp_path: Path) -> None:
    data = json.loads(build(trip, None).stdout)
    assert "signer" not in data
    assert "digest" not in data["segments"][0]
    out = tmp_path / "x.json"
    build(trip, out, *SIGN[:4])
    assert "digest" in json.loads(out.read_text())["segments"][0]
    assert run("segment", "verify", out).exit_code == 0
    unsigned = run("segment", "verify", out, "--signer", "0x" + "11" * 20)
    assert unsigned.exit_code == 1
    assert "the segment is not signed" in unsigned.stdout


def test_whatever_is_changed_is_found(trip: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "trip.json"
    build(trip, out, "--key", key, *SIGN)
    good = json.loads(out.read_text())

    def changed(path: list[Any], value: Any) -> str:
        data = json.loads(json.dumps(good))
        place = data
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        bad = tmp_path / "bad.json"
        bad.write_text(json.dumps(data))
        result = run("segment", "verify", bad)
        assert result.exit_code == 1, result.output
        return result.stdout

    first = ["segments", 0]
    assert "root: WRONG" in changed([*first, "readings", 2, 1], 799)
    assert "summary: WRONG" in changed([*first, "max"], 840)
    assert "signature: WRONG" in changed([*first, "max"], 840)
    assert "root: WRONG" in changed([*first, "root"], "0x" + "00" * 32)
    assert "each reading must be later" in changed([*first, "readings", 1, 0], 1_800_000_000)
    assert "digest: WRONG" in changed([*first, "digest"], "0x" + "00" * 32)
    assert "signature: WRONG" in changed([*first, "subject"], "0x" + "01" * 32)
    assert "signature: WRONG" in changed(["domain", "chainId"], 1)
    assert "signature: WRONG" in changed(["signer"], "0x" + "00" * 20)
    assert "without a chain" in changed(["signer"], "0x00")


def test_a_single_reading_is_proved(trip: Path, key: Path, tmp_path: Path) -> None:
    out, proof = tmp_path / "trip.json", tmp_path / "proof.json"
    build(trip, out, "--key", key, *SIGN)
    assert run("segment", "prove", out, 3, "--out", proof).exit_code == 0
    data = json.loads(proof.read_text())
    assert data["reading"] == {"index": 3, "time": 1_800_000_180, "value": 850}
    assert data["segment"]["readings"] == []
    result = run("segment", "verify", proof)
    assert (result.exit_code, result.stdout.count(": ok")) == (0, 3)
    data["reading"]["value"] = 700
    proof.write_text(json.dumps(data))
    result = run("segment", "verify", proof)
    assert result.exit_code == 1
    assert "do not include 700 at 1800000180 in place 3" in result.stdout
    data["reading"]["value"] = "warm"
    proof.write_text(json.dumps(data))
    failed(run("segment", "verify", proof), "the reading or its proof is malformed")
    failed(run("segment", "prove", out, 5), "segment 1 holds 5 readings, there is no reading 5")
    failed(run("segment", "prove", out, 0, "--seq", 9), "has no segment 9")


def test_a_key_with_a_passphrase(trip: Path, tmp_path: Path) -> None:
    hidden = serialization.BestAvailableEncryption(b"open sesame")
    secret = ec.derive_private_key(4711, ec.SECP256K1())
    path, out = tmp_path / "k.pem", tmp_path / "trip.json"
    path.write_bytes(
        secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    )
    where = ["--key", path, *SIGN[:4]]
    arguments = (
        "segment",
        "build",
        trip,
        "--device",
        "8004/9506000L",
        "--subject",
        LINK,
        "--out",
        out,
        *where,
    )
    asked = run(*arguments, input="open sesame\n")
    assert asked.exit_code == 0, asked.output
    assert "Passphrase of" in asked.stderr
    assert "sesame" not in asked.output
    assert run("segment", "verify", out).exit_code == 0
    words = tmp_path / "words"
    words.write_text("open sesame\n")
    assert build(trip, out, *where, "--passphrase-file", words).exit_code == 0
    words.write_text("wrong\n")
    failed(build(trip, out, *where, "--passphrase-file", words), "the passphrase is wrong")
    failed(build(trip, out, *where, "--passphrase-file", tmp_path / "none"), "none: No such file")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--quantity", "heat"], "--quantity: quantity 'heat': must be one of temperature"),
        (["--above", "warm"], "--above: 'warm' is no decimal number"),
        (["--above", "8.001"], "--above: 8.001 has more than the 2 decimals"),
        (["--device", "0x12"], "--device '0x12': must be 0x and 64 hex digits"),
        (["--subject", "01/9506000134353"], "--subject GTIN (01)"),
        (["--chain-id", "1"], "--chain-id and --telemetry are given together"),
        (["--chain-id", "1", "--telemetry", "0x12"], "--telemetry '0x12': is no address"),
        (["--deployment", "none.json"], "none.json: No such file"),
        (["--key", "none.pem"], "none.pem: No such file"),
    ],
)
def test_bad_options_of_segment_build(trip: Path, more: list[str], message: str) -> None:
    failed(build(trip, None, *more), message)


def test_a_bad_row_leaves_no_file(trip: Path, tmp_path: Path) -> None:
    trip.write_text(trip.read_text() + "1800001001,cold\n")
    out = tmp_path / "trip.json"
    failed(build(trip, out), f"{trip}, line 8: 'cold' is no decimal number")
    assert not out.exists()
    trip.write_text("1,1.005\n")
    failed(build(trip, out), "line 1: 1.005 has more than the 2 decimals")
    assert build(trip, out, "--round").exit_code == 0


def test_a_p256_key_needs_its_verifier(trip: Path, key: Path) -> None:
    failed(build(trip, None, "--key", key, *SIGN[:4]), "needs the address of the verifier contract")


def test_files_that_are_no_segments(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    failed(run("segment", "verify", path), "is no segment file of schema 2")
    path.write_text('{"schema": 2, "segments": [{}]}')
    failed(run("segment", "verify", path), "the segment has no")
    failed(run("segment", "show", path), "the segment has no")
    path.write_text('{"schema": 2, "segments": [5]}')
    failed(run("segment", "verify", path), "not of the form that `goldthread segment build` writes")


# --------------------------------------------------------------------------------- history and rebuild


@pytest.fixture
def told(anvil: AnvilNode, tmp_path: Path) -> tuple[World, Path]:
    """A part on its way, packed and unpacked, with the manifest of its world."""
    world = World.create(anvil)
    deployment = deployment_of(world)
    path = tmp_path / "31337.json"
    deployment.manifest.save(path)
    return world, path


def journey(world: World) -> bytes:
    part, pallet = world.register(uri("1")), world.register(sscc("1"), Kind.CONTAINER)
    outer = world.register(sscc("2"), Kind.CONTAINER)
    world.pack(pallet, [part])
    world.pack(outer, [pallet])
    world.move(outer, world.maker, world.carrier)
    world.twins.unpack(outer, [pallet], world.ref("unpacking"), sender=world.carrier.ship)
    world.twins.unpack(pallet, [part], world.ref("unpacking"), sender=world.carrier.ship)
    world.hold(part, b"\7" * 32, world.regulator)
    return part


def test_a_history_is_told_and_complete(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    part = journey(world)
    where = ("--deployment", manifest, "--rpc", anvil.url)
    result = run("history", uri("1"), *where)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    names = [
        name for name in ("Registered", "Packed", "Unpacked", "Held") if any(name in line for line in lines)
    ]
    assert names == ["Registered", "Packed", "Unpacked", "Held"]
    assert "regulator" in result.stdout
    assert "2027-01-15T09:00:00+01:00" in result.stdout
    assert "history         complete: 4 steps" in result.stdout
    assert "and 4 of containers that it was in" in result.stdout
    assert f"inside {sscc('2')}, to carrier, purpose TRANSPORT" in result.stdout
    assert max(map(len, lines)) < 400
    data = json.loads(run("history", f"0x{part.hex()}", *where, "--json").stdout)
    assert data["complete"] is True
    assert data["head"] == data["chainHead"] == f"0x{world.twins.head(part).hex()}"
    own = [step for step in data["steps"] if step["of"] == data["twin"]]
    assert [step["event"] for step in own] == names
    assert own[3]["organisation"] == "regulator"
    assert [step["event"] for step in data["steps"] if step["of"] == f"0x{twin_id(sscc('2')).hex()}"] == [
        "Offered",
        "Accepted",
    ]
    assert data["steps"][0]["args"]["uri"] == uri("1")
    pallet = json.loads(run("history", sscc("1"), *where, "--json").stdout)
    assert pallet["complete"] is True
    early = json.loads(
        run("history", uri("1"), *where, "--json", "--to-block", data["steps"][1]["block"]).stdout
    )
    assert [step["event"] for step in early["steps"]] == ["Registered", "Packed"]
    assert early["complete"] is True


def test_a_history_with_a_step_missing_is_not_complete(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    journey(world)
    first = anvil.block_number - 1
    result = run("history", uri("1"), "--deployment", manifest, "--rpc", anvil.url, "--from-block", first)
    assert result.exit_code == 1
    assert "NOT COMPLETE" in result.stdout


def test_a_history_of_nothing(told: tuple[World, Path], anvil: AnvilNode) -> None:
    _, manifest = told
    failed(run("history", LINK, "--deployment", manifest, "--rpc", anvil.url), "is registered on this chain")
    failed(
        run("history", "0x12", "--deployment", manifest, "--rpc", anvil.url), "must be 0x and 64 hex digits"
    )
    failed(run("history", LINK, "--deployment", manifest, "--rpc", "http://127.0.0.1:1"), "cannot be reached")
    failed(run("history", LINK, "--deployment", "none.json"), "none.json: No such file")
    missing = run("history", LINK)
    assert missing.exit_code == 2
    assert "Missing option '--deployment'" in missing.stderr


def test_text_from_a_chain_cannot_take_over_the_terminal(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    name = "\x1b[2J[red]evil[/red]\u202e"
    world.consortium.assignNamespace("urn:x:y:", 1, sender=world.governor)
    world.consortium.admit(name, world.stranger, 1, bytes(32), 0, sender=world.governor)
    item = ("urn:x:y:\x1b[31m", 0, 1)
    world.twins.register(item, world.ref(), sender=world.maker.register)
    identifier = f"0x{twin_id_of(item[0]).hex()}"
    where = ("--deployment", manifest, "--rpc", anvil.url)
    result = run("history", identifier, *where, env={"FORCE_COLOR": "1"})
    assert result.exit_code == 0
    assert "\x1b[31m" not in result.stdout.replace("\\x1b", "")
    assert "\\x1b[31m" in result.stdout
    assert clean(name) == "\\x1b[2J[red]evil[/red]\\u202e"


def twin_id_of(text: str) -> bytes:
    from goldthread.hashing import keccak

    return keccak(text.encode())


def test_rebuild_finds_no_difference_and_then_one(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    journey(world)
    where = ("--deployment", manifest, "--rpc", anvil.url)
    result = run("audit", "rebuild", *where)
    assert result.exit_code == 0, result.output
    assert re.search(r"^\d+ logs up to block \d+, \d+ views compared: no difference$", result.stdout.strip())
    anvil.rpc("anvil_setStorageAt", world.consortium.address, "0x0", "0x" + "00" * 32)
    result = run("audit", "rebuild", *where)
    assert result.exit_code == 1
    assert "organisationCount" in result.stdout
    assert "2 differences" in result.stdout
    data = json.loads(run("audit", "rebuild", *where, "--json", "--span", 3).stdout)
    assert {d["field"] for d in data["differences"]} == {"authority", "organisationCount"}
    assert data["differences"][1]["fromLogs"] == 9
    assert data["contracts"] == ["Consortium", "Twins", "Devices", "Telemetry", "Conditions"]


def test_rebuild_that_cannot_run(told: tuple[World, Path], anvil: AnvilNode, tmp_path: Path) -> None:
    _, manifest = told
    failed(
        run("audit", "rebuild", "--deployment", manifest, "--rpc", "http://127.0.0.1:1"), "cannot be reached"
    )
    failed(
        run("audit", "rebuild", "--deployment", manifest, "--rpc", anvil.url, "--to-block", 10**6),
        "has no block",
    )
    other = tmp_path / "other.json"
    other.write_text(manifest.read_text().replace("31337", "5"))
    failed(run("audit", "rebuild", "--deployment", other, "--rpc", anvil.url), "is for chain 5")
    other.write_text("{}")
    failed(run("audit", "rebuild", "--deployment", other), "schema is missing")


def test_the_environment_says_where(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    world.register(uri("1"))
    env = {"GOLDTHREAD_DEPLOYMENT": str(manifest), "GOLDTHREAD_RPC": anvil.url}
    assert run("audit", "rebuild", env=env).exit_code == 0
    assert run("history", uri("1"), env=env).exit_code == 0


def test_a_pipe_gets_no_colours_and_whole_lines(told: tuple[World, Path], anvil: AnvilNode) -> None:
    world, manifest = told
    journey(world)
    command = [sys.executable, "-m", "goldthread.cli", "history", uri("1"), "--deployment", str(manifest)]
    done = subprocess.run(
        [*command, "--rpc", anvil.url], capture_output=True, env={**os.environ, "NO_COLOR": "1"}, check=True
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"complete: 4 steps" in done.stdout


def test_a_long_history_of_everything(anvil: AnvilNode, tmp_path: Path) -> None:
    """Whatever has happened can be shown."""
    from random import Random

    happened = History(World.create(anvil), Random(3))  # noqa: S311
    happened.run(250)
    deployment = deployment_of(happened.world, DriveInsurance=happened.drive.insurance)
    path = tmp_path / "31337.json"
    replace(deployment.manifest, labels={}).save(path)
    where = ("--deployment", path, "--rpc", anvil.url)
    for thing in happened.things[:12]:
        result = run("history", f"0x{thing.hex()}", *where)
        assert result.exit_code == 0, result.output
    assert run("audit", "rebuild", *where).exit_code == 0


def test_moments() -> None:
    assert moment(1_800_000_000) == "2027-01-15T08:00:00Z"
    assert moment(1_800_000_000, -90) == "2027-01-15T06:30:00-01:30"
    assert moment((1 << 40) - 1) == "second 1099511627775"
