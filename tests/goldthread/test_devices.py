from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from eth_account import Account as EthAccount
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain.devices import (
    P256_ORDER,
    Curve,
    KeyFileError,
    SoftKey,
    account_of,
    low_s,
    verify,
)
from goldthread.hashing import keccak
from tests.support import deploy, fresh

VERIFIER = "0x" + "77" * 20
DIGESTS = st.binary(min_size=32, max_size=32)
SECRETS = st.integers(1, P256_ORDER - 1)
K1_SECRETS = st.integers(1, 1 << 255).map(lambda n: n.to_bytes(32, "big"))


@given(K1_SECRETS, DIGESTS)
def test_a_secp256k1_signature_is_that_of_eth_account(secret: bytes, digest: bytes) -> None:
    key = SoftKey.secp256k1(secret)
    signature = key.sign(digest)
    theirs = EthAccount.unsafe_sign_hash(digest, secret).signature
    assert signature == bytes(theirs)
    assert key.account == EthAccount.from_key(secret).address
    assert verify(key.signer, digest, signature)


@given(SECRETS, DIGESTS)
def test_a_p256_signature_is_low_deterministic_and_verifies(secret: int, digest: bytes) -> None:
    key = SoftKey.p256(secret, VERIFIER)
    signature = key.sign(digest)
    assert key.sign(digest) == signature
    s = int.from_bytes(signature[32:], "big")
    assert s <= P256_ORDER // 2
    assert verify(key.signer, digest, signature)
    high = signature[:32] + (P256_ORDER - s).to_bytes(32, "big")
    assert not verify(key.signer, digest, high)
    assert low_s(P256_ORDER - s) == s


@given(SECRETS, K1_SECRETS, DIGESTS, DIGESTS, st.integers(0, 64), st.integers(1, 255))
def test_nothing_else_verifies(
    secret: int, other: bytes, digest: bytes, another: bytes, place: int, flip: int
) -> None:
    for key in (SoftKey.p256(secret, VERIFIER), SoftKey.secp256k1(other)):
        signature = key.sign(digest)
        if digest != another:
            assert not verify(key.signer, another, signature)
        at = place % len(signature)
        wrong = signature[:at] + bytes([signature[at] ^ flip]) + signature[at + 1 :]
        assert not verify(key.signer, digest, wrong)
        assert not verify(key.signer, digest, signature + b"\0")
        assert not verify(key.signer, digest, b"")


def test_the_verifier_contract_accepts_the_signature() -> None:
    node = fresh()
    verifier = deploy(node, "ERC7913P256Verifier")
    key = SoftKey.p256(0xA11CE, verifier.address)
    digest = keccak(b"a segment")
    magic = verifier.verify(key.signer[20:], digest, key.sign(digest))
    assert magic == verifier.verify.selector
    assert verifier.verify(key.signer[20:], keccak(b"another"), key.sign(digest)) == b"\xff" * 4


def test_signers_of_both_forms_have_an_account() -> None:
    key = SoftKey.p256(5, VERIFIER)
    assert len(key.signer) == 84
    assert key.signer[:20] == bytes.fromhex(VERIFIER[2:])
    assert account_of(key.signer) == key.account
    assert key.account.lower() == f"0x{keccak(key.signer)[12:].hex()}"


def test_a_key_is_never_shown() -> None:
    secret = 0xFEEDFACECAFEBEEF
    for key in (SoftKey.p256(secret, VERIFIER), SoftKey.secp256k1(secret.to_bytes(32, "big"))):
        shown = f"{key!r} {key}"
        assert str(secret) not in shown
        assert "feedface" not in shown.lower()


def test_only_digests_are_signed() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        SoftKey.p256(5, VERIFIER).sign(b"abc")
    with pytest.raises(ValueError, match="without a chain"):
        verify(bytes(40), bytes(32), b"")
    assert not verify(bytes(84), bytes(32), bytes(64))
    assert not verify(SoftKey.secp256k1(b"\1" * 32).signer, bytes(32), bytes(64) + b"\x1b")


def test_new_keys_differ() -> None:
    assert SoftKey.generate(Curve.P256, VERIFIER).signer != SoftKey.generate(Curve.P256, VERIFIER).signer
    assert len(SoftKey.generate(Curve.SECP256K1).signer) == 20


def pem(
    folder: Path,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    passphrase: str = "",
    *,
    old: bool = False,
) -> Path:
    form = serialization.PrivateFormat.TraditionalOpenSSL if old else serialization.PrivateFormat.PKCS8
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        hidden = serialization.BestAvailableEncryption(passphrase.encode())
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
    return path


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_keys_are_read_from_pem(tmp_path: Path, old: bool, passphrase: str) -> None:
    path = pem(tmp_path, ec.derive_private_key(77, ec.SECP256R1()), passphrase, old=old)
    assert SoftKey.load(path, passphrase, VERIFIER) == SoftKey.p256(77, VERIFIER)
    assert SoftKey.is_encrypted(path) == bool(passphrase)
    path = pem(tmp_path, ec.derive_private_key(78, ec.SECP256K1()), passphrase, old=old)
    assert SoftKey.load(path, passphrase) == SoftKey.secp256k1((78).to_bytes(32, "big"))


def test_keys_are_read_from_a_keystore(tmp_path: Path) -> None:
    secret = b"\x22" * 32
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(EthAccount.encrypt(secret, "pass", iterations=2)))
    assert SoftKey.load(path, "pass") == SoftKey.secp256k1(secret)
    assert SoftKey.is_encrypted(path)
    with pytest.raises(KeyFileError, match="passphrase is wrong"):
        SoftKey.load(path, "word")


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none.pem: No such file"):
        SoftKey.load(tmp_path / "none.pem")
    p256 = ec.derive_private_key(77, ec.SECP256R1())
    path = pem(tmp_path, p256)
    with pytest.raises(KeyFileError, match="needs the address of the verifier"):
        SoftKey.load(path)
    with pytest.raises(KeyFileError, match="is not encrypted"):
        SoftKey.load(path, "pass", VERIFIER)
    path = pem(tmp_path, p256, "pass")
    with pytest.raises(KeyFileError, match="a passphrase is needed"):
        SoftKey.load(path, "", VERIFIER)
    with pytest.raises(KeyFileError, match="passphrase is wrong"):
        SoftKey.load(path, "word", VERIFIER)
    path = pem(tmp_path, rsa.generate_private_key(65537, 2048))
    with pytest.raises(KeyFileError, match="neither of the curves"):
        SoftKey.load(path)
    path = pem(tmp_path, ec.derive_private_key(9, ec.SECP384R1()))
    with pytest.raises(KeyFileError, match="neither of the curves"):
        SoftKey.load(path)
    path.write_text("no key at all")
    with pytest.raises(KeyFileError, match="holds no private key"):
        SoftKey.load(path)
