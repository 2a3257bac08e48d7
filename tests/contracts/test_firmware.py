"""Firmware: who signs for a model, what is released, what a device was told and what it says it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.firmware import (
    MAX_SIGNERS,
    Confirmation,
    Minimum,
    Release,
    SignerSet,
    State,
    digest_of,
    line_id,
)
from tests.support import Forwarder, deploy, reverts
from tests.support.coldchain import ColdChain
from tests.support.contract import Contract, Sender
from tests.support.nodes import Receipt
from tests.support.signers import P256_ORDER, SecureElement, Signer, Wallet
from tests.support.words import Duty, EndOfLife, Kind
from tests.support.world import DAY, World, asset, happened, person, sscc, uri

BOARD, OTHER_BOARD = keccak(text="board A"), keccak(text="board B")
IMAGE, OTHER_IMAGE = keccak(text="image"), keccak(text="another image")
MANIFEST = keccak(text="manifest")
NOTHING = bytes(32)


def in_order(signers: Sequence[Signer]) -> list[Signer]:
    """As a set of signers names them."""
    return sorted(signers, key=lambda signer: keccak(signer.name))


class Maker:
    """The maker's model with three signers, of whom two must sign, and its logger."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold = cold
        self.world: World = cold.world
        self.contract: Contract = cold.world.firmware
        self.admin = cold.world.maker.device_admin
        self.model = cold.world.register(asset("MODEL"), Kind.DESIGN)
        self.device = cold.logger.id
        verifier = deploy(cold.node, "ERC7913P256Verifier")
        self.signers = in_order(
            [Wallet(person("ann")), Wallet(person("bob")), SecureElement(verifier, 0xC0DE)]
        )
        self.end = self.world.now + 30 * DAY

    def digest(self, message: Any) -> bytes:
        return digest_of(message, self.contract.address, self.cold.node.chain_id)

    def approved(
        self, message: Any, signers: Sequence[Signer] | None = None
    ) -> tuple[Any, list[bytes], list[bytes]]:
        """The message with the signatures of the first two signers, unless others are named."""
        signers = self.signers[:2] if signers is None else signers
        digest = self.digest(message)
        return message, [s.name for s in signers], [s.sign(digest) for s in signers]

    def found(
        self, version: int = 1, threshold: int = 2, signers: Sequence[Signer] | None = None
    ) -> SignerSet:
        names = [s.name for s in (self.signers if signers is None else signers)]
        return SignerSet(self.model, version, threshold, tuple(names))

    def start(self) -> None:
        """The first set of signers."""
        self.contract.setSigners(self.found(), [], [], sender=self.admin)

    def item(self, sequence: int = 1, **changes: Any) -> Release:
        first = self.world.now
        item = Release(self.model, BOARD, sequence, f"1.{sequence}", IMAGE, MANIFEST, first, self.end)
        return item._replace(**changes)

    def release(self, sequence: int = 1, **changes: Any) -> Receipt:
        receipt: Receipt = self.contract.release(
            *self.approved(self.item(sequence, **changes)), sender=self.admin
        )
        return receipt

    def minimum(self, sequence: int, board: bytes = BOARD) -> Receipt:
        message = Minimum(self.model, board, sequence)
        receipt: Receipt = self.contract.raiseMinimum(*self.approved(message), sender=self.admin)
        return receipt

    def assign(self, sequence: int = 1, board: bytes = BOARD, sender: Sender | None = None) -> Receipt:
        args = self.device, self.model, board, sequence
        receipt: Receipt = self.contract.assign(*args, sender=sender or self.admin)
        return receipt

    def word(self, sequence: int = 1, **changes: Any) -> Confirmation:
        now = self.world.now
        word = Confirmation(self.device, self.model, BOARD, sequence, IMAGE, now)
        return word._replace(**changes)

    def signed(self, word: Confirmation, signer: Signer | None = None) -> tuple[Confirmation, bytes, bytes]:
        signer = signer or self.cold.logger.signer
        return word, signer.name, signer.sign(self.digest(word))

    def confirm(self, sequence: int = 1, **changes: Any) -> Receipt:
        """By the device, brought by a stranger."""
        signed = self.signed(self.word(sequence, **changes))
        receipt: Receipt = self.contract.confirm(*signed, sender=self.world.stranger)
        return receipt

    @property
    def state(self) -> State:
        state = State(self.contract.stateOf(self.device))
        assert self.contract.isBelowMinimum(self.device) == (state == State.BELOW_MINIMUM)
        return state


@pytest.fixture
def maker(cold: ColdChain) -> Maker:
    """With signers."""
    maker = Maker(cold)
    maker.start()
    return maker


# ------------------------------------------------------------------------------------------------- signers


def test_the_contract_knows_its_world(maker: Maker) -> None:
    contract, world = maker.contract, maker.world
    assert contract.DEVICES() == world.devices.address
    assert contract.TWINS() == world.twins.address
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.MAX_SIGNERS() == MAX_SIGNERS
    assert contract.eip712Domain().name == "Goldthread Firmware"
    assert contract.lineId(maker.model, BOARD) == line_id((maker.model, BOARD))


def test_a_model_gets_its_signers(cold: ColdChain) -> None:
    maker = Maker(cold)
    assert maker.contract.signerSetOf(maker.model) == (0, 0)
    receipt = maker.contract.setSigners(maker.found(), [], [], sender=maker.admin)
    told = {"model": maker.model, "org": maker.world.maker.number, "caller": maker.admin}
    names = [signer.name for signer in maker.signers]
    assert happened(receipt) == [("SignersSet", told | {"version": 1, "threshold": 2, "signers": names})]
    assert maker.contract.signerSetOf(maker.model) == (1, 2)
    for signer in maker.signers:
        assert maker.contract.isSigner(maker.model, keccak(signer.name))
    assert not maker.contract.isSigner(maker.model, keccak(text="somebody"))
    assert not maker.contract.isSigner(maker.device, keccak(maker.signers[0].name))


def calls(maker: Maker) -> dict[str, tuple[Any, ...]]:
    """Calls for the model that succeed."""
    return {
        "setSigners": maker.approved(maker.found(2)),
        "release": maker.approved(maker.item()),
        "raiseMinimum": maker.approved(Minimum(maker.model, BOARD, 1)),
    }


THREE = pytest.mark.parametrize("function", ["setSigners", "release", "raiseMinimum"])


@THREE
def test_only_device_admins_of_the_models_owner_bring_it(maker: Maker, function: str) -> None:
    world, args = maker.world, calls(maker)[function]
    call, others = getattr(maker.contract, function), ~Duty.DEVICE_ADMIN
    with reverts("UnknownAccount", world.stranger):
        call(*args, sender=world.stranger)
    with reverts("NotModelOwner", maker.model, world.carrier.number, world.maker.number):
        call(*args, sender=world.carrier.all)
    machine = Forwarder.deploy(maker.cold.node, maker.admin)
    with reverts("UnknownAccount", machine.address):
        call(*args, sender=machine)
    world.hire(world.maker, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.DEVICE_ADMIN):
        call(*args, sender=machine)
    world.hire(world.maker, machine, Duty.DEVICE_ADMIN)
    [(_, fields)] = happened(call(*args, sender=machine))
    assert (fields["org"], fields["caller"]) == (world.maker.number, machine.address)


@THREE
def test_the_silenced_bring_nothing(maker: Maker, function: str) -> None:
    maker.world.suspend(maker.world.maker)
    with reverts("OrganisationSuspended", maker.world.maker.number):
        getattr(maker.contract, function)(*calls(maker)[function], sender=maker.world.maker.all)


@THREE
def test_a_model_is_a_design(maker: Maker, function: str) -> None:
    world, call = maker.world, getattr(maker.contract, function)
    message, *signed = calls(maker)[function]
    things = [
        world.register(uri("1")),
        world.register(sscc("2"), Kind.CONTAINER),
        world.register(asset("THING"), Kind.ASSET),
        keccak(text="no twin"),
    ]
    for thing in things:
        with reverts("NotAModel", thing):
            call(message._replace(model=thing), *signed, sender=maker.admin)
    world.retire(maker.model, EndOfLife.DECOMMISSIONED)
    with reverts("NotAModel", maker.model):
        call(message, *signed, sender=maker.admin)


@THREE
def test_the_product_line_passes_with_title(maker: Maker, function: str) -> None:
    """Both are needed: title, and the word of those who have signed so far."""
    world, args = maker.world, calls(maker)[function]
    world.give_title(maker.model, world.maker, world.retailer)
    call = getattr(maker.contract, function)
    with reverts("NotModelOwner", maker.model, world.maker.number, world.retailer.number):
        call(*args, sender=maker.admin)
    with reverts("TooFewSigners", maker.model, 1, 0, 2):
        call(args[0], [], [], sender=world.retailer.device_admin)
    call(*args, sender=world.retailer.device_admin)


@THREE
@pytest.mark.parametrize("chosen", [(0, 1), (1, 0), (0, 2), (2, 1), (0, 1, 2), (2, 1, 0)])
def test_any_two_of_three_sign_in_any_order(maker: Maker, function: str, chosen: tuple[int, ...]) -> None:
    message, *_ = calls(maker)[function]
    signed = maker.approved(message, [maker.signers[i] for i in chosen])
    getattr(maker.contract, function)(*signed, sender=maker.admin)


@THREE
def test_one_of_three_is_too_few(maker: Maker, function: str) -> None:
    message, *_ = calls(maker)[function]
    call, stranger = getattr(maker.contract, function), Wallet(person("stranger"))
    for signers, count in (([], 0), ([maker.signers[0]], 1), ([maker.signers[0], stranger], 1)):
        with reverts("TooFewSigners", maker.model, 1, count, 2):
            call(*maker.approved(message, signers), sender=maker.admin)


@THREE
def test_one_signer_does_not_sign_twice(maker: Maker, function: str) -> None:
    message, *_ = calls(maker)[function]
    ann = maker.signers[0]
    with reverts("InvalidSignatures", maker.digest(message)):
        getattr(maker.contract, function)(*maker.approved(message, [ann, ann]), sender=maker.admin)


@THREE
def test_signatures_are_of_exactly_this(maker: Maker, function: str) -> None:
    message, approvers, signatures = calls(maker)[function]
    call, digest = getattr(maker.contract, function), maker.digest(message)
    wrong = [
        (approvers, signatures[::-1]),
        (approvers, signatures[:1]),
        (approvers, [signatures[0], b""]),
        (approvers, [*signatures, b""]),
        ([*approvers, bytes(19)], [*signatures, b""]),
    ]
    for names, made in wrong:
        with reverts("InvalidSignatures", digest):
            call(message, names, made, sender=maker.admin)
    stranger = Wallet(person("stranger"))
    call(*maker.approved(message, [*maker.signers[:2], stranger]), sender=maker.admin)


CHANGED: dict[str, tuple[str, dict[str, Any]]] = {
    "threshold": ("setSigners", {"threshold": 1}),
    "signers": ("setSigners", {}),
    "hardware class": ("release", {"hardware_class": OTHER_BOARD}),
    "sequence": ("release", {"sequence": 2}),
    "version": ("release", {"version": "1.1 "}),
    "image": ("release", {"image_hash": OTHER_IMAGE}),
    "manifest": ("release", {"manifest_hash": IMAGE}),
    "first second": ("release", {"not_before": 0}),
    "last second": ("release", {"expiry": 2**40 - 1}),
    "minimum of another class": ("raiseMinimum", {"hardware_class": OTHER_BOARD}),
    "minimum": ("raiseMinimum", {"sequence": 2}),
}


@pytest.mark.parametrize("what", CHANGED)
def test_nothing_is_changed_after_signing(maker: Maker, what: str) -> None:
    function, change = CHANGED[what]
    if function == "raiseMinimum":
        maker.release()
    message, *signed = calls(maker)[function]
    if what == "signers":
        change = {"signers": message.signers[:2]}
    other = message._replace(**change)
    with reverts("InvalidSignatures", maker.digest(other)):
        getattr(maker.contract, function)(other, *signed, sender=maker.admin)


@THREE
def test_a_model_without_signers_cannot_be_signed_for(cold: ColdChain, function: str) -> None:
    maker = Maker(cold)
    if function == "setSigners":
        maker.contract.setSigners(maker.found(), [b"x"], [], sender=maker.admin)  # the first one needs nobody
        return
    message, *_ = calls(maker)[function]
    for signers in ([], maker.signers):
        with reverts("TooFewSigners", maker.model, 0, 0, 0):
            getattr(maker.contract, function)(*maker.approved(message, signers), sender=maker.admin)


def test_sets_are_numbered(cold: ColdChain) -> None:
    maker = Maker(cold)
    for version in (0, 2):
        with reverts("WrongVersion", maker.model, version, 1):
            maker.contract.setSigners(maker.found(version), [], [], sender=maker.admin)
    maker.start()
    for version in (0, 1, 3):
        with reverts("WrongVersion", maker.model, version, 2):
            maker.contract.setSigners(*maker.approved(maker.found(version)), sender=maker.admin)


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (4, 3), (1, 0), (0, 0), (1, 17), (17, 17)])
def test_a_threshold_can_be_reached(cold: ColdChain, threshold: int, count: int) -> None:
    maker = Maker(cold)
    many = in_order([Wallet(person(f"signer {i}")) for i in range(count)])
    with reverts("WrongThreshold", threshold, count):
        maker.contract.setSigners(maker.found(1, threshold, many), [], [], sender=maker.admin)


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (3, 3), (1, 16), (16, 16)])
def test_up_to_sixteen_sign(cold: ColdChain, threshold: int, count: int) -> None:
    maker = Maker(cold)
    many = in_order([Wallet(person(f"signer {i}")) for i in range(count)])
    maker.contract.setSigners(maker.found(1, threshold, many), [], [], sender=maker.admin)
    signed = maker.approved(maker.item(), many[:threshold])
    maker.contract.release(*signed, sender=maker.admin)
    with reverts("TooFewSigners", maker.model, 1, threshold - 1, threshold):
        item = maker.item(2)
        maker.contract.release(*maker.approved(item, many[: threshold - 1]), sender=maker.admin)


def test_signers_are_named_once_and_in_order(cold: ColdChain) -> None:
    maker = Maker(cold)
    a, b, c = maker.signers
    for signers, index in (([b, a, c], 1), ([a, c, b], 2), ([a, a, b], 1), ([a, b, b], 2)):
        with reverts("SignersNotInOrder", index):
            maker.contract.setSigners(maker.found(1, 1, signers), [], [], sender=maker.admin)
    short = SignerSet(maker.model, 1, 1, (bytes(19),))
    with reverts("SignerTooShort", 19):
        maker.contract.setSigners(short, [], [], sender=maker.admin)
    enough = short._replace(signers=(bytes(20),))
    maker.contract.setSigners(enough, [], [], sender=maker.admin)


def test_a_new_set_is_signed_by_the_old_and_by_the_new(maker: Maker) -> None:
    """A threshold of each; who is in both counts for both."""
    old = maker.signers
    carol, dave = Wallet(person("carol")), Wallet(person("dave"))
    new = in_order([old[0], carol, dave])
    following = maker.found(2, 2, new)
    with reverts("TooFewSigners", maker.model, 2, 1, 2):
        maker.contract.setSigners(*maker.approved(following, old), sender=maker.admin)
    with reverts("TooFewSigners", maker.model, 1, 1, 2):
        maker.contract.setSigners(*maker.approved(following, new), sender=maker.admin)
    with reverts("TooFewSigners", maker.model, 2, 0, 2):
        maker.contract.setSigners(*maker.approved(following, old[1:]), sender=maker.admin)
    receipt = maker.contract.setSigners(
        *maker.approved(following, [old[0], old[1], dave]), sender=maker.admin
    )
    [(_, fields)] = happened(receipt)
    assert (fields["version"], fields["threshold"]) == (2, 2)
    assert maker.contract.signerSetOf(maker.model) == (2, 2)
    for signer in old[1:]:
        assert not maker.contract.isSigner(maker.model, keccak(signer.name))
    with reverts("TooFewSigners", maker.model, 2, 1, 2):
        maker.release()
    maker.contract.release(*maker.approved(maker.item(), [carol, dave]), sender=maker.admin)


# ------------------------------------------------------------------------------------------------- releases


def test_firmware_is_released(maker: Maker) -> None:
    item = maker.item(7, version="7.0 “Königsberg”")
    receipt = maker.contract.release(*maker.approved(item), sender=maker.admin)
    told = {"model": maker.model, "org": maker.world.maker.number, "hardwareClass": BOARD}
    told |= {"caller": maker.admin, "sequence": 7, "version": item.version, "imageHash": IMAGE}
    told |= {"manifestHash": MANIFEST, "notBefore": item.not_before, "expiry": item.expiry}
    assert happened(receipt) == [("FirmwareReleased", told)]
    line = maker.contract.lineId(maker.model, BOARD)
    assert maker.contract.lineOf(line) == (7, 0)
    assert maker.contract.imageOf(line, 7) == (IMAGE, item.not_before, item.expiry)
    assert maker.contract.imageOf(line, 6) == (NOTHING, 0, 0)
    assert maker.contract.lineOf(maker.contract.lineId(maker.model, OTHER_BOARD)) == (0, 0)


def test_sequences_rise(maker: Maker) -> None:
    with reverts("NotNextSequence", maker.model, BOARD, 0, 0):
        maker.release(0)
    maker.release(3)
    for sequence in (0, 1, 3):
        with reverts("NotNextSequence", maker.model, BOARD, sequence, 3):
            maker.release(sequence)
    maker.release(1, hardware_class=OTHER_BOARD)
    maker.release(4)
    maker.release(2**64 - 1)
    with reverts("NotNextSequence", maker.model, BOARD, 5, 2**64 - 1):
        maker.release(5)


def test_a_release_can_be_installed(maker: Maker) -> None:
    now = maker.world.now
    wrong = [(NOTHING, now, now), (IMAGE, now + 1, now), (IMAGE, 0, now - 1), (IMAGE, now + 5, now - 1)]
    for image, first, last in wrong:
        with reverts("WrongRelease", image, first, last, now):
            maker.release(image_hash=image, not_before=first, expiry=last)
    maker.release(1, not_before=now, expiry=now)
    maker.release(2, not_before=now + 10, expiry=now + 10)


def test_a_minimum_rises(maker: Maker) -> None:
    maker.release(5)
    receipt = maker.minimum(3)
    told = {"model": maker.model, "org": maker.world.maker.number, "hardwareClass": BOARD}
    assert happened(receipt) == [("MinimumRaised", told | {"caller": maker.admin, "sequence": 3})]
    line = maker.contract.lineId(maker.model, BOARD)
    assert maker.contract.lineOf(line) == (5, 3)
    for sequence in (0, 2, 3, 7, 2**64 - 1):
        with reverts("WrongMinimum", maker.model, BOARD, sequence, 3, 5):
            maker.minimum(sequence)
    maker.minimum(6)
    with reverts("WrongMinimum", maker.model, OTHER_BOARD, 2, 0, 0):
        maker.minimum(2, OTHER_BOARD)
    maker.minimum(1, OTHER_BOARD)
    assert maker.contract.lineOf(line) == (5, 6)
    maker.release(7)
    assert maker.contract.lineOf(line) == (7, 6)


# ----------------------------------------------------------------------------------------------- assignment


def test_an_owner_assigns(maker: Maker) -> None:
    maker.release(4)
    receipt = maker.assign(4)
    told = {"device": maker.device, "org": maker.world.maker.number, "model": maker.model}
    told |= {"caller": maker.admin, "hardwareClass": BOARD, "sequence": 4}
    assert happened(receipt) == [("FirmwareAssigned", told)]
    line = maker.contract.lineId(maker.model, BOARD)
    assert maker.contract.installationOf(maker.device) == (line, 4, 0, 0, 0)
    assert maker.state == State.UNKNOWN


def test_only_device_admins_of_the_devices_owner_assign(maker: Maker) -> None:
    maker.release()
    world, others = maker.world, ~Duty.DEVICE_ADMIN
    with reverts("UnknownAccount", world.stranger):
        maker.assign(sender=world.stranger)
    with reverts("NotDeviceOwner", maker.device, world.carrier.number, world.maker.number):
        maker.assign(sender=world.carrier.all)
    machine = Forwarder.deploy(maker.cold.node, maker.admin)
    with reverts("UnknownAccount", machine.address):
        maker.assign(sender=machine)
    world.hire(world.maker, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.DEVICE_ADMIN):
        maker.assign(sender=machine)
    world.hire(world.maker, machine, Duty.DEVICE_ADMIN)
    assert happened(maker.assign(sender=machine))[0][1]["caller"] == machine.address
    world.give_title(maker.device, world.maker, world.retailer)
    with reverts("NotDeviceOwner", maker.device, world.maker.number, world.retailer.number):
        maker.assign()
    assert happened(maker.assign(sender=world.retailer.all))[0][1]["org"] == world.retailer.number


def test_only_a_device_with_a_key_is_told(maker: Maker) -> None:
    maker.release()
    maker.device = maker.cold.device("LOGGER2").id
    with reverts("NotEnrolled", maker.device):
        maker.assign()


def test_only_what_may_be_installed_is_assigned(maker: Maker) -> None:
    now, node = maker.world.now, maker.cold.node
    with reverts("UnknownRelease", maker.model, BOARD, 1):
        maker.assign()
    maker.release(2, not_before=now + 10, expiry=now + 20)
    with reverts("UnknownRelease", maker.model, OTHER_BOARD, 2):
        maker.assign(2, OTHER_BOARD)
    node.warp(9)
    with reverts("NotYetInstallable", 2, now + 10, now + 9):
        maker.assign(2)
    node.warp(1)
    maker.assign(2)
    node.warp(10)
    maker.assign(2)
    node.warp(1)
    with reverts("ReleaseExpired", 2, now + 20, now + 21):
        maker.assign(2)


def test_what_is_below_the_minimum_is_not_assigned(maker: Maker) -> None:
    for sequence in (1, 2):
        maker.release(sequence)
    maker.minimum(2)
    with reverts("BelowMinimum", maker.device, 1, 2):
        maker.assign(1)
    maker.assign(2)
    maker.minimum(3)
    with reverts("BelowMinimum", maker.device, 2, 3):
        maker.assign(2)


def test_a_device_is_never_told_to_go_back(maker: Maker) -> None:
    for sequence in (1, 2, 3):
        maker.release(sequence)
    maker.assign(3)
    maker.assign(1)
    maker.confirm(2)
    with reverts("Rollback", maker.device, 1, 2):
        maker.assign(1)
    for sequence in (2, 3):
        maker.assign(sequence)


def test_until_a_device_has_spoken_its_owner_may_change_its_mind_about_the_model(maker: Maker) -> None:
    maker.release()
    maker.release(hardware_class=OTHER_BOARD)
    maker.assign(1, OTHER_BOARD)
    maker.assign(1, BOARD)
    assert maker.contract.installationOf(maker.device).line == maker.contract.lineId(maker.model, BOARD)
    maker.confirm()
    own, other = (maker.contract.lineId(maker.model, board) for board in (BOARD, OTHER_BOARD))
    with reverts("OtherModel", maker.device, own, other):
        maker.assign(1, OTHER_BOARD)


# --------------------------------------------------------------------------------------------- confirmation


def test_a_device_says_what_it_runs(maker: Maker) -> None:
    maker.release(4)
    maker.assign(4)
    now = maker.world.now
    receipt = maker.confirm(4)
    told = {"device": maker.device, "model": maker.model, "hardwareClass": BOARD}
    told |= {"caller": maker.world.stranger, "sequence": 4, "imageHash": IMAGE, "time": now}
    assert happened(receipt) == [("FirmwareConfirmed", told)]
    line = maker.contract.lineId(maker.model, BOARD)
    assert maker.contract.installationOf(maker.device) == (line, 4, 4, now, maker.end)
    assert maker.state == State.CURRENT
    other = keccak(text="another device")
    assert maker.contract.stateOf(other) == State.UNKNOWN
    assert maker.contract.isBelowMinimum(other) is False


def test_a_contract_brings_a_devices_word(maker: Maker) -> None:
    maker.release()
    machine = Forwarder.deploy(maker.cold.node, maker.world.stranger)
    [(_, told)] = happened(maker.contract.confirm(*maker.signed(maker.word()), sender=machine))
    assert told["caller"] == machine.address


def test_a_fact_need_not_have_been_assigned(maker: Maker) -> None:
    maker.release(4)
    maker.confirm(4)
    line = maker.contract.lineId(maker.model, BOARD)
    assert maker.contract.installationOf(maker.device)[:3] == (line, 0, 4)


def test_a_secure_element_confirms(maker: Maker) -> None:
    maker.release()
    element = SecureElement(deploy(maker.cold.node, "ERC7913P256Verifier"), 0xDE71CE)
    maker.world.devices.rotateKey(maker.device, element.name, sender=maker.admin)
    maker.contract.confirm(*maker.signed(maker.word(), element), sender=maker.world.stranger)
    assert maker.state == State.CURRENT
    maker.cold.node.warp(1)
    late = maker.word()
    _, signer, signature = maker.signed(late, element)
    high = P256_ORDER - int.from_bytes(signature[32:], "big")
    malleable = signature[:32] + high.to_bytes(32, "big")
    with reverts("InvalidDeviceSignature", maker.device, maker.digest(late)):
        maker.contract.confirm(late, signer, malleable, sender=maker.world.stranger)


def test_only_the_devices_own_key_confirms(maker: Maker) -> None:
    maker.release()
    word, thief = maker.word(), Wallet(person("thief"))
    stranger = maker.world.stranger
    with reverts("WrongSigner", maker.device, thief.name):
        maker.contract.confirm(*maker.signed(word, thief), sender=stranger)
    forged = word, maker.cold.logger.signer.name, thief.sign(maker.digest(word))
    with reverts("InvalidDeviceSignature", maker.device, maker.digest(word)):
        maker.contract.confirm(*forged, sender=stranger)
    maker.world.devices.revoke(maker.device, MANIFEST, sender=maker.admin)
    with reverts("NotEnrolled", maker.device):
        maker.contract.confirm(*maker.signed(word), sender=stranger)
    assert maker.state == State.UNKNOWN


@pytest.mark.parametrize("field", ["device", "model", "hardware_class", "sequence", "image_hash", "time"])
def test_nothing_else_than_what_the_device_signed(maker: Maker, field: str) -> None:
    """Everything else fits, so that the signature alone refuses."""
    now = maker.world.now
    other_model = maker.world.register(asset("MODEL2"), Kind.DESIGN)
    other_device = maker.cold.device("LOGGER2", maker.cold.logger.signer)
    maker.cold.enrol(other_device)
    maker.release(1)
    maker.release(2)
    maker.release(1, hardware_class=OTHER_BOARD)
    maker.contract.setSigners(maker.found()._replace(model=other_model), [], [], sender=maker.admin)
    maker.release(model=other_model)
    maker.cold.node.warp(5)
    word = maker.word(time=now)
    _, signer, signature = maker.signed(word)
    changes: dict[str, Any] = {"device": other_device.id, "model": other_model, "time": now + 1}
    changes |= {"hardware_class": OTHER_BOARD, "sequence": 2, "image_hash": OTHER_IMAGE}
    wrong = word._replace(**{field: changes[field]})
    expected = (
        reverts("OtherImage", maker.device, OTHER_IMAGE, IMAGE)
        if field == "image_hash"
        else reverts("InvalidDeviceSignature", wrong.device, maker.digest(wrong))
    )
    with expected:
        maker.contract.confirm(wrong, signer, signature, sender=maker.world.stranger)
    maker.contract.confirm(word, signer, signature, sender=maker.world.stranger)


def test_the_image_is_the_released_one(maker: Maker) -> None:
    maker.release(1)
    maker.release(2, image_hash=OTHER_IMAGE)
    with reverts("OtherImage", maker.device, OTHER_IMAGE, IMAGE):
        maker.confirm(1, image_hash=OTHER_IMAGE)
    with reverts("UnknownRelease", maker.model, BOARD, 3):
        maker.confirm(3)
    with reverts("UnknownRelease", maker.model, OTHER_BOARD, 1):
        maker.confirm(1, hardware_class=OTHER_BOARD)
    maker.confirm(2, image_hash=OTHER_IMAGE)


def test_a_device_never_goes_back(maker: Maker) -> None:
    for sequence in (1, 2, 3):
        maker.release(sequence)
    maker.confirm(2)
    maker.cold.node.warp(1)
    with reverts("Rollback", maker.device, 1, 2):
        maker.confirm(1)
    maker.confirm(2)
    maker.cold.node.warp(1)
    maker.confirm(3)
    assert maker.contract.installationOf(maker.device).installed == 3


def test_a_confirmation_is_used_once_and_times_rise(maker: Maker) -> None:
    maker.release()
    maker.cold.node.warp(100)
    signed, now = maker.signed(maker.word()), maker.world.now
    maker.contract.confirm(*signed, sender=maker.world.stranger)
    with reverts("TimeNotInOrder", maker.device, now, now, now):
        maker.contract.confirm(*signed, sender=maker.world.stranger)
    with reverts("TimeNotInOrder", maker.device, now - 1, now, now):
        maker.confirm(time=now - 1)
    with reverts("TimeNotInOrder", maker.device, now + 1, now, now):
        maker.confirm(time=now + 1)
    maker.cold.node.warp(2)
    maker.confirm(time=now + 1)
    assert maker.contract.installationOf(maker.device).confirmedAt == now + 1


def test_a_device_installs_within_the_time(maker: Maker) -> None:
    now = maker.world.now
    maker.release(1, not_before=now + 10, expiry=now + 20)
    maker.cold.node.warp(50)
    with reverts("NotYetInstallable", 1, now + 10, now + 9):
        maker.confirm(time=now + 9)
    with reverts("ReleaseExpired", 1, now + 20, now + 21):
        maker.confirm(time=now + 21)
    maker.confirm(time=now + 10)
    assert maker.state == State.EXPIRED, "told late, of what was in time"
    maker.confirm(time=now + 20)


def test_a_device_stays_the_model_that_it_is(maker: Maker) -> None:
    maker.release()
    maker.release(hardware_class=OTHER_BOARD)
    maker.assign(1, OTHER_BOARD)
    told, real = (maker.contract.lineId(maker.model, board) for board in (OTHER_BOARD, BOARD))
    with reverts("OtherModel", maker.device, told, real):
        maker.confirm(1)
    maker.assign(1, BOARD)
    maker.confirm(1)
    maker.cold.node.warp(1)
    with reverts("OtherModel", maker.device, real, told):
        maker.confirm(1, hardware_class=OTHER_BOARD)


# ----------------------------------------------------------------------------------------------------- state


def test_a_device_is_current_until_its_release_expires(maker: Maker) -> None:
    now = maker.world.now
    maker.release(1, expiry=now + 10)
    maker.confirm(1)
    assert maker.state == State.CURRENT
    maker.cold.node.warp(10)
    assert maker.state == State.CURRENT
    maker.cold.node.warp(1)
    assert maker.state == State.EXPIRED
    maker.release(2)
    assert maker.state == State.EXPIRED
    maker.confirm(2)
    assert maker.state == State.CURRENT


def test_a_device_is_below_the_minimum_once_that_rises_above_it(maker: Maker) -> None:
    now = maker.world.now
    maker.release(2, expiry=now + 10)
    maker.confirm(2)
    maker.minimum(2)
    assert maker.state == State.CURRENT
    maker.minimum(1, OTHER_BOARD)
    maker.minimum(3)
    assert maker.state == State.BELOW_MINIMUM
    maker.cold.node.warp(11)
    assert maker.state == State.BELOW_MINIMUM, "which is worse than expired"
    maker.release(3)
    maker.confirm(3)
    assert maker.state == State.CURRENT


def test_below_the_minimum_is_a_fact_that_a_device_may_tell(maker: Maker) -> None:
    maker.release(1)
    maker.release(2)
    maker.minimum(2)
    assert maker.state == State.UNKNOWN
    maker.confirm(1)
    assert maker.state == State.BELOW_MINIMUM


def test_calls_can_be_bundled(maker: Maker) -> None:
    release = maker.contract.release.encode(*maker.approved(maker.item()))
    assign = maker.contract.assign.encode(maker.device, maker.model, BOARD, 1)
    maker.contract.multicall([release, assign], sender=maker.admin)
    assert maker.contract.installationOf(maker.device).assigned == 1
