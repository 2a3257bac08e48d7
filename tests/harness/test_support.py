"""The harness itself, on contracts of OpenZeppelin, and an example of how tests are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import (
    Contract,
    Counters,
    Forwarder,
    Node,
    Reverted,
    at,
    decode_logs,
    deploy,
    fresh,
    reverts,
)

ROLE = 7


@pytest.fixture
def manager(node: Node) -> Contract:
    """An AccessManager whose admin is the first account."""
    return deploy(node, "AccessManager", node.accounts[0])


def test_a_transaction_returns_its_receipt_and_its_events(node: Node, manager: Contract) -> None:
    admin, member = node.accounts[:2]
    receipt = manager.grantRole(ROLE, member, 60, sender=admin)
    assert manager.events(receipt, "RoleGranted") == [
        {"roleId": ROLE, "account": member, "delay": 60, "since": node.timestamp, "newMember": True}
    ]
    assert [event.name for event in decode_logs(receipt)] == ["RoleGranted"]
    assert receipt.timestamp == node.timestamp
    assert manager.hasRole(ROLE, member) == (True, 60)
    assert manager.hasRole(ROLE, member).isMember


def test_a_revert_names_the_error_and_its_values(node: Node, manager: Contract) -> None:
    stranger = node.accounts[5]
    with reverts("AccessManagerUnauthorizedAccount", stranger, 0):
        manager.grantRole(ROLE, stranger, 0, sender=stranger)
    with pytest.raises(Reverted) as caught:
        manager.grantRole.call(ROLE, stranger, 0, sender=stranger)
    assert caught.value.values.msgsender == stranger
    with (
        pytest.raises(AssertionError, match="expected AccessManagerLockedRole"),
        reverts("AccessManagerLockedRole"),
    ):
        manager.grantRole(ROLE, stranger, 0, sender=stranger)
    with reverts("AccessManagerInvalidInitialAdmin", "0x" + 40 * "0"):
        deploy(node, "AccessManager", "0x" + 40 * "0")


def test_time_stands_still_until_it_is_moved(node: Node, manager: Contract) -> None:
    admin, member = node.accounts[:2]
    start = node.timestamp
    assert manager.grantRole(ROLE, member, 0, sender=admin).timestamp == start
    node.warp(3600)
    assert (
        manager.grantRole(ROLE, node.accounts[2], 0, sender=admin).timestamp == start + 3600 == node.timestamp
    )
    with pytest.raises(ValueError, match="time runs forward"):
        node.timestamp = start


def test_a_snapshot_can_be_returned_to_more_than_once(node: Node, manager: Contract) -> None:
    admin, member = node.accounts[:2]
    before = node.snapshot()
    start, block = node.timestamp, node.block_number
    for _ in range(3):
        manager.grantRole(ROLE, member, 0, sender=admin)
        node.snapshot()
        node.warp(60)
        manager.revokeRole(ROLE, member, sender=admin)
        node.revert(before)
        assert (node.timestamp, node.block_number) == (start, block)
        assert manager.hasRole(ROLE, member) == (False, 0)


def test_a_dry_run_returns_the_value_and_changes_nothing(node: Node, manager: Contract) -> None:
    admin, member = node.accounts[:2]
    manager.labelRole(ROLE, "keeper", sender=admin)
    inner = manager.grantRole.encode(ROLE, member, 0)
    assert manager.multicall.call([inner], sender=admin) == [b""]
    assert not manager.hasRole(ROLE, member).isMember


def test_a_contract_can_be_the_sender(node: Node, manager: Contract) -> None:
    admin, member = node.accounts[:2]
    forwarder = Forwarder.deploy(node, admin)
    with reverts("AccessManagerUnauthorizedAccount", forwarder.address, 0):
        manager.grantRole(ROLE, member, 0, sender=forwarder)
    manager.grantRole(0, forwarder.address, 0, sender=admin)
    manager.grantRole(ROLE, member, 0, sender=forwarder)
    assert manager["hasRole(uint64,address)"](ROLE, member).isMember


def test_native_currency_code_and_storage_can_be_looked_at(node: Node, manager: Contract) -> None:
    sender, receiver = node.accounts[0], "0x" + 40 * "1"
    assert node.tx(sender, receiver, value=5).ok
    assert node.balance(receiver) == 5
    node.set_balance(receiver, 7)
    assert node.balance(receiver) == 7
    assert len(node.code(manager.address)) > 1000
    assert node.storage(manager.address, 10_000) == 0
    assert at(node, "AccessManager", manager.address).ADMIN_ROLE() == 0


def test_signed_messages_of_the_accounts_verify(node: Node) -> None:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    account = node.accounts[3]
    signed = Account.sign_message(encode_defunct(text="hello"), account.key)
    assert Account.recover_message(encode_defunct(text="hello"), signature=signed.signature) == account


def test_the_p256_verifier_answers_on_every_chain(node: Node) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    verifier = deploy(node, "ERC7913P256Verifier")
    private = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
    digest = bytes(range(32))
    r, s = utils.decode_dss_signature(private.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    public = private.public_key().public_numbers()
    key = public.x.to_bytes(32, "big") + public.y.to_bytes(32, "big")
    low = r.to_bytes(32, "big") + min(s, order - s).to_bytes(32, "big")
    assert verifier.verify(key, digest, low) == verifier.verify.selector
    assert verifier.verify(key, bytes(32), low) == b"\xff\xff\xff\xff"


@given(roles=st.lists(st.integers(1, 2**64 - 2), min_size=1, max_size=5, unique=True))
def test_every_example_of_a_property_gets_a_chain_of_its_own(roles: list[int]) -> None:
    node = fresh()
    admin, member = node.accounts[:2]
    manager = deploy(node, "AccessManager", admin)
    for role in roles:
        assert not manager.hasRole(role, member).isMember
        manager.grantRole(role, member, 0, sender=admin)
        assert manager.hasRole(role, member).isMember


def test_counters_fail_for_what_never_succeeded(counters: Counters) -> None:
    counters.hit("accept")
    counters.require(["accept"])
    with pytest.raises(AssertionError, match="decline"):
        counters.require(["accept", "decline"])
