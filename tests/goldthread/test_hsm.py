"""Keys in hardware, in SoftHSM: what they sign is what contracts and the package verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldthread.chain.devices import P256_ORDER, Curve, SoftKey, verify
from goldthread.chain.hsm import HsmError, HsmKey
from goldthread.chain.signers import Signer
from goldthread.hashing import keccak
from tests.goldthread.test_cli import failed, run
from tests.support import Node, deploy
from tests.support.coldchain import ColdChain, Logger
from tests.support.softhsm import PIN, Token, library
from tests.support.world import asset, sscc

pytestmark = pytest.mark.skipif(
    library() is None, reason="libsofthsm2.so is not installed (Debian: apt-get install softhsm2)"
)
VERIFIER = "0x" + "77" * 20


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    module = library()
    assert module is not None
    token = Token.create(tmp_path_factory.mktemp("softhsm"), module)
    token.generate("logger")
    token.generate("other curve", "secp256k1")
    return token


@pytest.fixture
def key(token: Token) -> Iterator[HsmKey]:
    with HsmKey.open(token.module, token.label, "logger", token.pin, VERIFIER) as key:
        yield key


def test_what_it_signs_is_its_signature_with_the_lower_s(key: HsmKey) -> None:
    for number in range(20):
        digest = keccak(bytes([number]))
        signature = key.sign(digest)
        assert len(signature) == 64
        assert int.from_bytes(signature[32:], "big") <= P256_ORDER // 2
        assert verify(key.signer, digest, signature)
        assert not verify(key.signer, keccak(digest), signature)
    with pytest.raises(ValueError, match="a digest has 32 bytes"):
        key.sign(b"short")


def test_all_keys_are_signers(key: HsmKey) -> None:
    assert isinstance(key, Signer)
    assert isinstance(SoftKey.generate(Curve.SECP256K1), Signer)
    assert key.signer[:20] == b"\x77" * 20
    assert len(key.signer) == 84


def test_a_device_with_its_key_in_a_token_speaks(token: Token, node: Node) -> None:
    """Enrolled, attached, and its signature verified on the chain."""
    cold = ColdChain.create(node)
    address = deploy(node, "ERC7913P256Verifier").address
    logger = cold.device("LOGGER2")
    with HsmKey.open(token.module, token.label, "logger", token.pin, address) as key:
        cold.devices.enrol(logger.id, key.signer, bytes(32), sender=cold.world.maker.device_admin)
        cold.attach(Logger(logger.id, logger.signer))
        digest = keccak(b"a segment")
        now = cold.world.now
        cold.devices.verify(logger.id, cold.pallet, now, now, digest, key.signer, key.sign(digest))


def test_segments_are_signed_in_the_token(token: Token, tmp_path: Path) -> None:
    trip, out, pin = tmp_path / "trip.csv", tmp_path / "trip.json", tmp_path / "pin"
    trip.write_text("1800000000,5.00\n1800000300,6.50\n")
    pin.write_text(token.pin)
    about = [
        "--device",
        asset("LOGGER1"),
        "--subject",
        sscc("1"),
        "--chain-id",
        31337,
        "--telemetry",
        VERIFIER,
    ]
    where = ["--pkcs11-module", token.module, "--token", token.label, "--key-label", "logger"]
    asked = [*about, *where, "--pin-file", pin, "--verifier", VERIFIER, "--out", out]
    assert run("segment", "build", trip, *asked).exit_code == 0
    assert run("segment", "verify", out).exit_code == 0


@pytest.mark.parametrize(
    ("label", "name", "pin", "message"),
    [
        ("plant", "nobody", PIN, "no key pair 'nobody'"),
        ("plant", "other curve", PIN, "is not on the curve P-256"),
        ("plant", "logger", "0000", "PinIncorrect"),
        ("field", "logger", PIN, "token 'field'"),
    ],
)
def test_what_is_wrong_is_named_without_the_pin(
    token: Token, label: str, name: str, pin: str, message: str
) -> None:
    with (
        pytest.raises(HsmError, match=message) as caught,
        HsmKey.open(token.module, label, name, pin, VERIFIER),
    ):
        pass
    assert pin not in str(caught.value).replace(str(token.module), "")


def test_the_library_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(HsmError, match="none.so"), HsmKey.open(tmp_path / "none.so", "t", "l", PIN, VERIFIER):
        pass


def test_the_command_line_reads_the_pin_from_a_file_or_asks(token: Token, tmp_path: Path) -> None:
    pin_file = tmp_path / "pin"
    pin_file.write_text(f"{token.pin}\n")
    where: list[object] = ["device", "signer", "--pkcs11-module", token.module, "--token", token.label]
    where += ["--verifier", VERIFIER]
    named = [*where, "--key-label", "logger"]
    told = run(*named, "--pin-file", pin_file)
    assert told.exit_code == 0, told.output
    assert f"0x{'77' * 20}" in told.stdout
    asked = run(*named, input=f"{token.pin}\n")
    assert asked.stdout.split() == told.stdout.split()
    assert token.pin not in asked.output
    failed(run(*where, "--pin-file", pin_file), "--token and --key-label")
    failed(run(*named, "--pin-file", tmp_path / "none"), "--pin-file")
