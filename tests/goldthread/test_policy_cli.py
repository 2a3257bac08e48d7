"""Templates from the command line: listed, shown, registered on a real node, and set on a pallet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goldthread.rules.conditions import Kind
from goldthread.rules.templates import TemplateError, read, templates
from tests.goldthread.chains import deployment_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode
from tests.support.coldchain import ColdChain

NAME = "usp-2-to-8"


def told(*arguments: object) -> Any:
    result = run("policy", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", [[], ["templates"], ["show"], ["register"], ["set"]])
def test_every_command_says_how(command: list[str]) -> None:
    result = run("policy", *command, "--help")
    assert result.exit_code == 0
    assert not command or "Example:" in result.stdout


def test_the_templates_of_the_standards() -> None:
    assert [t["name"] for t in told("templates")] == list(templates())
    assert {t["name"] for t in told("templates")} == {
        "ultra-cold-vaccine",
        "usp-2-to-8",
        "usp-controlled-room-temperature",
        "usp-frozen",
        "who-30-day-fridge-logger",
        "who-shipping-indicator-type-1",
        "who-shipping-indicator-type-2",
    }
    assert NAME in run("policy", "templates").stdout


@pytest.mark.parametrize("name", templates())
def test_a_template_is_shown(name: str) -> None:
    template, shown = templates()[name], told("show", name)
    assert [int(rule["word"]) for rule in shown["rules"]] == template.words
    assert shown["rulesHash"] == f"0x{template.rules_hash.hex()}"
    assert all(rule["source"] and rule["rule"] for rule in shown["rules"])
    text = run("policy", "show", name).stdout
    assert template.title in text
    assert "mean kinetic temperature" in text or all(r.kind is not Kind.MKT for r in template.rules)


def test_no_such_template() -> None:
    failed(run("policy", "show", "usp"), "TEMPLATE 'usp': must be one of ultra-cold-vaccine")


def test_registered_and_set(anvil: AnvilNode, tmp_path: Path) -> None:
    cold = ColdChain.create(anvil)
    world = cold.world
    contracts = {"Conditions": world.conditions, "Templates": world.templates}
    manifest = tmp_path / "31337.json"
    anvil.set_balance(world.maker.quality, 10**20)
    deployment_of(world, **contracts).manifest.save(manifest)
    node = ["--deployment", manifest, "--rpc", anvil.url, "--from", world.maker.quality]
    [first] = told("register", NAME, *node)
    assert first["registered"]
    again = told("register", NAME, "usp-frozen", *node)
    assert [one["registered"] for one in again] == [False, True]
    assert first["templateId"] == again[0]["templateId"]
    twin, device = f"0x{cold.pallet.hex()}", f"0x{cold.logger.id.hex()}"
    how = ["--template", NAME, "--device", device, "--max-interval", 900, "--max-silence", 3600]
    done = told("set", twin, *how, *node)
    policy = cold.policy(start=done["start"], max_silence=3600, version=1)._replace(
        words=templates()[NAME].words
    )
    assert done["policyId"] == f"0x{policy.id.hex()}"
    assert world.conditions.policyHash(policy.id) == policy.hash
    assert world.templates.follows(policy, bytes.fromhex(first["templateId"][2:]))
    later = told("set", twin, *how, "--start", done["start"] + 1000, *node)
    assert (later["version"], later["start"]) == (2, done["start"] + 1000)


GOOD = {
    "name": "x",
    "version": 1,
    "rules": [
        {
            "kind": "INSTANT",
            "quantity": "temperature",
            "side": "high",
            "limit": "8.00",
            "severity": "major",
            "source": "somebody",
        }
    ],
}


def changed(**fields: Any) -> dict[str, Any]:
    return GOOD | {"rules": [GOOD["rules"][0] | fields]}  # type: ignore[index]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must be an object"),
        (GOOD | {"name": ""}, "name '': must have 1 to 64 bytes"),
        (GOOD | {"version": 0}, "version 0: must be a whole number from 1"),
        (GOOD | {"version": True}, "version True: must be"),
        (GOOD | {"rules": []}, "rules: must be a list of 1 to 8"),
        (GOOD | {"rules": ["x"]}, "rule 0: must be an object"),
        (changed(kind="WARM"), "rule 0: kind 'WARM': must be one of INSTANT"),
        (changed(quantity="joy"), "rule 0: quantity 'joy'"),
        (changed(side="left"), "rule 0: side 'left': must be one of low, high"),
        (changed(limit="8.001"), "rule 0: 8.001 has more than the 2 decimals"),
        (changed(severity="bad"), "rule 0: severity 'bad': must be one of minor"),
        (changed(source=""), "rule 0: source: must say where"),
        (changed(colour="red"), "rule 0: colour: is none of"),
        (changed(duration="1 week"), "rule 0: duration '1 week': must be a number and d, h, min or s"),
        (changed(kind="CUMULATIVE"), "duration is not allowed"),
        (changed(kind="MKT", duration="1 d", window=True), None),
        (changed(kind="COUNT", times=2), None),
    ],
)
def test_a_file_that_is_no_template(tmp_path: Path, data: Any, message: str | None) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data))
    if message is None:
        assert read(path).rules
        return
    with pytest.raises(TemplateError) as found:
        read(path)
    assert str(path) in str(found.value)
    assert message in str(found.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(TemplateError, match="is no JSON"):
        read(tmp_path / "x.json")
    del (rule := dict(GOOD["rules"][0]))["severity"]  # type: ignore[index, call-overload]
    (tmp_path / "x.json").write_text(json.dumps(GOOD | {"rules": [rule]}))
    with pytest.raises(TemplateError, match="rule 0: has no 'severity'"):
        read(tmp_path / "x.json")
