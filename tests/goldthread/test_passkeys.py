"""Passkeys: what a browser answers is what the contract verifies; what proves nothing is named."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain.devices import P256_ORDER, Curve, SoftKey
from goldthread.chain.passkeys import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    USER_PRESENT,
    USER_VERIFIED,
    Assertion,
    Passkey,
    PasskeyError,
    base64url,
    from_base64url,
    request,
    signer_of,
)
from goldthread.chain.signers import Signer
from goldthread.hashing import keccak
from tests.support import Contract, deploy, fresh

VERIFIER = "0x" + "77" * 20
RP = "quality.example"
SECRET = 0x1234567890
DIGEST = keccak(b"a countersignature")
ANN = Passkey(SoftKey.p256(SECRET, VERIFIER), RP)
YES, NO = keccak(b"verify(bytes,bytes32,bytes)")[:4], b"\xff" * 4


@pytest.fixture(scope="module")
def verifier() -> Contract:
    return deploy(fresh(), "ERC7913WebAuthnVerifier")


def verified(verifier: Contract, key: Passkey, digest: bytes, signature: bytes) -> bool:
    answer: bytes = verifier.verify(key.signer[20:], digest, signature)
    assert answer in (YES, NO)
    return answer == YES


# ---------------------------------------------------------------------------------------------- on the chain


@given(st.integers(1, P256_ORDER - 1), st.binary(min_size=32, max_size=32))
def test_the_contract_verifies_what_it_signs(verifier: Contract, secret: int, digest: bytes) -> None:
    key = Passkey(SoftKey.p256(secret, verifier.address), RP)
    assert verified(verifier, key, digest, key.sign(digest))
    assert not verified(verifier, key, keccak(digest), key.sign(digest))
    key.answer(digest).check(digest, key.signer, RP)


def test_the_contract_and_the_check_refuse_alike(verifier: Contract) -> None:
    """Every set of flags; of two s the contract takes the lower, and is given that."""
    for flags in range(32):
        key = replace(ANN, flags=flags)
        answer = key.answer(DIGEST)
        expected = flags & 5 == 5 and (flags & BACKED_UP == 0 or flags & BACKUP_ELIGIBLE != 0)
        assert verified(verifier, key, DIGEST, answer.signature) == expected
        assert refusal(partial(answer.check, DIGEST, ANN.signer)) == (not expected)
    high = replace(ANN.answer(DIGEST), s=P256_ORDER - ANN.answer(DIGEST).s)
    assert verified(verifier, ANN, DIGEST, high.signature)
    high.check(DIGEST, ANN.signer)


def refusal(action: Callable[[], None]) -> bool:
    try:
        action()
    except PasskeyError:
        return True
    return False


# What clients give: more members, fewer, and in another order.
CHROME = '{"type":"webauthn.get","challenge":"%s","origin":"https://%s","crossOrigin":false,"other":"x"}'
SAFARI = '{"type":"webauthn.get","challenge":"%s","origin":"https://%s"}'
SWAPPED = '{"origin":"https://%2$s","challenge":"%1$s","type":"webauthn.get"}'


def browser(text: str, *, extra: bytes = b"", flags: int = 0x1D) -> dict[str, Any]:
    """What a browser gives, made without this package: JSON of a PublicKeyCredential, DER signature."""
    challenge = base64.urlsafe_b64encode(DIGEST).rstrip(b"=").decode()
    client = text.replace("%1$s", challenge).replace("%2$s", RP)
    client = (client % (challenge, RP) if "%s" in client else client).encode()
    data = hashlib.sha256(RP.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big") + extra
    key = ec.derive_private_key(SECRET, ec.SECP256R1())
    signature = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(_sha256()))
    encoded = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (client, data, signature))
    names = ("clientDataJSON", "authenticatorData", "signature")
    response = dict(zip(names, encoded, strict=True)) | {"userHandle": "QW5u"}
    return {"id": "AAEC", "rawId": "AAEC", "type": "public-key", "response": response}


def _sha256() -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


@pytest.mark.parametrize("text", [CHROME, SAFARI, SWAPPED], ids=["chrome", "safari", "swapped"])
@pytest.mark.parametrize("extra", [b"", b"\xa1\x6bcredProtect\x02"])
def test_an_answer_of_a_browser_is_taken(verifier: Contract, text: str, extra: bytes) -> None:
    for _ in range(4):
        found = Assertion.from_json(json.loads(json.dumps(browser(text, extra=extra))))
        found.check(DIGEST, ANN.signer, RP)
        assert verified(verifier, ANN, DIGEST, found.signature)


def test_an_answer_is_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(ANN.answer(DIGEST).to_json()))
    assert Assertion.load(path) == ANN.answer(DIGEST)


def test_a_passkey_is_a_signer() -> None:
    assert isinstance(ANN, Signer)
    assert ANN.account == SoftKey.p256(SECRET, VERIFIER).account
    assert len(ANN.signer) == 84
    with pytest.raises(ValueError, match="a digest has 32 bytes"):
        ANN.sign(b"short")
    with pytest.raises(PasskeyError, match="is not on the curve P-256"):
        Passkey(SoftKey.generate(Curve.SECP256K1), RP)


# ------------------------------------------------------------------------------------------- what is refused


def claims(**changes: Any) -> bytes:
    told = {"type": "webauthn.get", "challenge": base64url(DIGEST), "origin": f"https://{RP}"} | changes
    return json.dumps(told, separators=(",", ":")).encode()


def client(data: bytes) -> Assertion:
    return replace(ANN.answer(DIGEST), client_data=data)


def flagged(flags: int) -> Assertion:
    return replace(ANN, flags=flags).answer(DIGEST)


BOTH = USER_PRESENT | USER_VERIFIED


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (client(b"{"), "clientDataJSON: is no JSON object with type and challenge"),
        (client(b"[]"), "clientDataJSON: is no JSON object with type and challenge"),
        (client(b"{}"), "clientDataJSON: is no JSON object with type and challenge"),
        (client(claims(type="webauthn.create")), "type 'webauthn.create': must be 'webauthn.get'"),
        (client(claims(challenge="AAAA")), "challenge 'AAAA': must be '"),
        (client(json.dumps(json.loads(claims())).encode()), "without blanks, for the contract"),
        (client(claims(origin="x")), "signature: is not that of the passkey 0x7777"),
        (flagged(USER_VERIFIED), "authenticatorData: nobody was present"),
        (flagged(USER_PRESENT), "authenticatorData: the user was not verified, by PIN or biometrics"),
        (flagged(BOTH | BACKED_UP), "authenticatorData: is backed up, but not eligible for backup"),
        (replace(ANN, rp_id="evil.example").answer(DIGEST), "was not made for the site 'quality.example'"),
        (replace(ANN.answer(DIGEST), authenticator_data=bytes(36)), "has 36 bytes, must have 37 or more"),
        (replace(ANN.answer(DIGEST), r=1), "signature: is not that of the passkey"),
        (Passkey(SoftKey.p256(7, VERIFIER), RP).answer(DIGEST), "signature: is not that of the passkey"),
    ],
)
def test_an_answer_that_proves_nothing(answer: Assertion, message: str) -> None:
    with pytest.raises(PasskeyError) as caught:
        answer.check(DIGEST, ANN.signer, RP)
    assert message in str(caught.value)


def test_the_signer_of_a_passkey_has_a_point_on_the_curve() -> None:
    with pytest.raises(PasskeyError, match="signer: has 20 bytes; that of a passkey has 84"):
        ANN.answer(DIGEST).check(DIGEST, ANN.signer[:20])
    with pytest.raises(PasskeyError, match="signature: is not that of the passkey"):
        ANN.answer(DIGEST).check(DIGEST, ANN.signer[:-1] + b"\x00")


def answered(**changes: Any) -> dict[str, Any]:
    found = browser(SAFARI)
    found["response"].update(changes)
    return found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (1, "response: is missing"),
        ({}, "response: is missing"),
        ({"response": "x"}, "response: is missing"),
        (answered(signature=None), "response.signature: must be in Base64 for URLs"),
        (answered(authenticatorData="a+b/"), "response.authenticatorData: must be in Base64 for URLs"),
        (answered(clientDataJSON="a"), "response.clientDataJSON: must be in Base64 for URLs"),
        (answered(signature="AAAA"), "response.signature: is no ECDSA signature in DER"),
        (answered(signature=base64url(bytes.fromhex("3006020100020101"))), "is beyond the order"),
    ],
)
def test_an_answer_that_cannot_be_read(found: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(PasskeyError) as caught:
        Assertion.from_json(found)
    assert message in str(caught.value)
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(found))
    with pytest.raises(PasskeyError) as caught:
        Assertion.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_files_that_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(PasskeyError, match="No such file"):
        Assertion.load(tmp_path / "none.json")
    (tmp_path / "x.json").write_bytes(b"\xff{")
    with pytest.raises(PasskeyError, match="is no JSON"):
        Assertion.load(tmp_path / "x.json")


def test_a_part_that_the_contract_looks_for_must_be_there() -> None:
    with pytest.raises(PasskeyError, match="clientDataJSON: has no "):
        _ = client(b'{"challenge":"x"}').signature


def test_what_is_asked_of_an_authenticator() -> None:
    asked = request(DIGEST, RP)
    assert asked == {"challenge": base64url(DIGEST), "rpId": RP, "userVerification": "required"}
    assert from_base64url(asked["challenge"]) == DIGEST


@given(st.binary(max_size=100))
def test_base64_for_urls_goes_both_ways(data: bytes) -> None:
    assert from_base64url(base64url(data)) == data
    assert not set(base64url(data)) & set("+/=")


def test_the_public_key_of_a_new_passkey_is_a_signer() -> None:
    public = ec.derive_private_key(SECRET, ec.SECP256R1()).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert signer_of(der, VERIFIER) == ANN.signer
    other = ec.derive_private_key(SECRET, ec.SECP256K1()).public_key()
    wrong = other.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(PasskeyError, match="is not on the curve P-256"):
        signer_of(wrong, VERIFIER)
    with pytest.raises(PasskeyError, match="is no SubjectPublicKeyInfo in DER"):
        signer_of(der[:-3], VERIFIER)


@given(st.binary(min_size=32, max_size=32))
def test_a_signature_is_an_answer_again(digest: bytes) -> None:
    answer = ANN.answer(digest)
    assert Assertion.from_signature(answer.signature) == answer
    assert Assertion.from_signature(answer.signature).signature == answer.signature


@pytest.mark.parametrize("signature", [b"", b"\x01" * 64, b"\xff" * 256, ANN.answer(DIGEST).signature[:-64]])
def test_a_signature_that_is_no_answer(signature: bytes) -> None:
    with pytest.raises(PasskeyError, match=r"signature: is no WebAuthn.WebAuthnAuth in the ABI's encoding"):
        Assertion.from_signature(signature)
