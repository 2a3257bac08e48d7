"""Signed segments: who may bring which, in which order, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.models.segments import HUMIDITY, TEMPERATURE, Frame, Limit, Reading, Segment, digest_of
from tests.support import Forwarder, deploy, reverts
from tests.support.coldchain import COLD, HOT, ColdChain
from tests.support.words import Duty, Kind, Role
from tests.support.world import sscc

NOTHING = bytes(32)
TYPES = {
    "Segment": [
        {"name": "device", "type": "bytes32"},
        {"name": "subject", "type": "bytes32"},
        {"name": "frame", "type": "uint256"},
        {"name": "values", "type": "uint256"},
        {"name": "excursions", "type": "uint256[]"},
        {"name": "histogram", "type": "uint256[]"},
        {"name": "root", "type": "bytes32"},
    ]
}


def one(cold: ColdChain, seq: int = 1, start: int | None = None, **about: object) -> Segment:
    """Four readings, with an excursion on each side."""
    return cold.segment(cold.every(300, [-60, 512, 815, 820], start), seq, **about)


def test_what_telemetry_stands_on(cold: ColdChain) -> None:
    assert cold.telemetry.MAX_EXCURSIONS() == 16
    assert cold.telemetry.MAX_VERTICES() == 64
    assert cold.telemetry.DEVICES() == cold.devices.address
    assert cold.telemetry.CONSORTIUM() == cold.world.consortium.address


def test_a_segment_is_anchored(cold: ColdChain) -> None:
    segment, node = one(cold), cold.node
    digest = digest_of(segment, cold.telemetry.address, node.chain_id)
    told = {"device": cold.logger.id, "subject": cold.pallet, "frame": segment.frame}
    told |= {"values": segment.values, "digest": digest}
    assert cold.telemetry.stream(*segment.key) == (0, 0)
    receipt = cold.anchor(segment)
    assert cold.telemetry.events(receipt) == [told | {"caller": cold.world.stranger}]
    assert cold.telemetry.stream(*segment.key) == (1, cold.start + 900)
    stored = [bytes(27), digest[:27], bytes(27)]
    assert [cold.telemetry.anchored(*segment.key, seq) for seq in range(3)] == stored


@pytest.mark.parametrize("length", [*range(10), 31, 32, 33])
def test_a_stream_ends_with_its_newest_segment(cold: ColdChain, length: int) -> None:
    """Which is looked for, not stored."""
    for seq in range(1, length + 1):
        cold.anchor(one(cold, seq, cold.start + 1000 * seq))
    key = cold.logger.id, cold.pallet, TEMPERATURE
    assert cold.telemetry.stream(*key) == (length, (cold.start + 1000 * length + 900) if length else 0)
    with reverts("NotNextSegment", cold.logger.id, length + 1, length + 2):
        cold.anchor(one(cold, length + 2, cold.start + 1000 * length + 1000))


def test_no_segment_has_number_zero(cold: ColdChain) -> None:
    with reverts("NotNextSegment", cold.logger.id, 1, 0):
        cold.anchor(one(cold, 0))
    cold.anchor(one(cold))
    with reverts("NotNextSegment", cold.logger.id, 2, 0):
        cold.anchor(one(cold, 0, cold.start + 1000))


def test_the_device_signs_what_eip_712_says(cold: ColdChain) -> None:
    segment = one(cold, histogram=True)
    message = segment._asdict() | {name: list(getattr(segment, name)) for name in ("excursions", "histogram")}
    domain = {"name": "Goldthread Telemetry", "version": "1", "chainId": cold.node.chain_id}
    domain |= {"verifyingContract": cold.telemetry.address}
    signable = encode_typed_data(domain, TYPES, message)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert cold.telemetry.digestOf(segment) == digest
    assert digest_of(segment, cold.telemetry.address, cold.node.chain_id) == digest


def test_anyone_brings_a_segment(cold: ColdChain) -> None:
    """The device's signature is the authority; the event names the contract that brought it."""
    machine = Forwarder.deploy(cold.node, cold.world.stranger)
    [told] = cold.telemetry.events(cold.anchor(one(cold), sender=machine))
    assert told["caller"] == machine.address


def test_twice_is_once(cold: ColdChain) -> None:
    """The second time nothing is asked, not even the signature, and nothing happens."""
    segment = one(cold)
    digest = cold.telemetry.digestOf(segment)
    cold.wait_for(segment)
    assert cold.telemetry.anchor.call(*cold.sign(segment)) == (digest, False)
    cold.anchor(segment)
    cold.anchor(one(cold, 2, cold.world.now + 1))
    assert cold.telemetry.anchor.call(segment, b"", b"") == (digest, False)
    assert cold.telemetry.anchor(segment, b"", b"", sender=cold.world.stranger).logs == ()
    assert cold.telemetry.stream(*segment.key) == (2, cold.start + 1801)


def test_segments_are_numbered_without_gaps(cold: ColdChain) -> None:
    for given in (0, 2, 2**32 - 1):
        with reverts("NotNextSegment", cold.logger.id, 1, given):
            cold.anchor(one(cold, given, cold.start))
    cold.anchor(one(cold, 1, cold.start))
    for given in (0, 1, 3):
        with reverts("NotNextSegment", cold.logger.id, 2, given):
            cold.anchor(one(cold, given, cold.start + 1000))
    cold.anchor(one(cold, 2, cold.start + 1000))


def test_a_segment_starts_after_the_one_before_has_ended(cold: ColdChain) -> None:
    cold.anchor(one(cold))
    end = cold.start + 900
    cold.node.warp(10_000)
    for start in (cold.start, end):
        with reverts("TimesNotInOrder", end, start, start + 900, cold.world.now):
            cold.anchor(one(cold, 2, start))
    cold.anchor(one(cold, 2, end + 1))


def test_a_segment_ends_by_now(cold: ColdChain) -> None:
    segment = one(cold, start=cold.start)
    end = cold.start + 900
    cold.node.timestamp = end - 1
    with reverts("TimesNotInOrder", 0, cold.start, end, end - 1):
        cold.telemetry.anchor(*cold.sign(segment), sender=cold.world.stranger)
    cold.node.timestamp = end
    cold.telemetry.anchor(*cold.sign(segment), sender=cold.world.stranger)


def test_a_segment_does_not_end_before_it_starts(cold: ColdChain) -> None:
    cold.node.warp(1000)
    backwards = one(cold).with_frame(end=cold.world.now - 1)
    times = Frame.of(backwards.frame)
    with reverts("TimesNotInOrder", 0, times.start, times.end, cold.world.now):
        cold.telemetry.anchor(*cold.sign(backwards), sender=cold.world.stranger)


def test_there_is_no_second_zero(cold: ColdChain) -> None:
    """It stands for no reading."""
    first = cold.segment([Reading(0, 512)])
    with reverts("TimesNotInOrder", 0, 0, 0, cold.world.now):
        cold.anchor(first)


def test_each_quantity_is_a_stream_of_its_own(cold: ColdChain) -> None:
    for quantity in (TEMPERATURE, HUMIDITY, 2**16 - 1):
        cold.anchor(one(cold, start=cold.start, quantity=quantity))
        assert cold.telemetry.stream(cold.logger.id, cold.pallet, quantity) == (1, cold.start + 900)


def test_each_device_has_a_stream_of_its_own(cold: ColdChain) -> None:
    other = cold.device("LOGGER2")
    cold.enrol(other)
    cold.attach(other)
    cold.anchor(one(cold, start=cold.start))
    cold.anchor(one(cold, start=cold.start, logger=other), other)
    assert cold.telemetry.stream(other.id, cold.pallet, TEMPERATURE).seq == 1


def test_each_twin_has_a_stream_of_its_own(cold: ColdChain) -> None:
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    cold.anchor(one(cold))
    cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
    cold.attach(cold.logger, crate)
    cold.anchor(one(cold, subject=crate))
    assert cold.telemetry.stream(cold.logger.id, crate, TEMPERATURE).seq == 1


def test_the_device_was_there_all_the_time(cold: ColdChain) -> None:
    early = one(cold, start=cold.start - 1)
    with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, cold.start - 1, cold.start + 899):
        cold.anchor(early)
    cold.node.timestamp = cold.start + 899
    cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
    with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, cold.start, cold.start + 900):
        cold.anchor(one(cold, start=cold.start))
    cold.anchor(cold.segment(cold.every(899, [500, 500], cold.start)))


def test_a_stolen_key_speaks_no_more_about_the_past(cold: ColdChain) -> None:
    """What is anchored stays."""
    first, second = one(cold), one(cold, 2, cold.start + 1000)
    cold.anchor(first)
    cold.devices.revoke(cold.logger.id, bytes(32), sender=cold.world.maker.device_admin)
    with reverts("NotEnrolled", cold.logger.id):
        cold.anchor(second)
    cold.anchor(first)
    assert cold.telemetry.anchored(*first.key, 1) == cold.telemetry.digestOf(first)[:27]


# What is signed


def rich(cold: ColdChain, seq: int = 1) -> Segment:
    """Every number in it could be another one without a contradiction."""
    values = {0: 512, 300: -60, 600: 815, 900: 500, 1200: 815, 1400: 500, 1700: 815, 2000: 820}
    start = cold.world.now
    return cold.segment([Reading(start + time, value) for time, value in values.items()], seq)


CHANGES: dict[str, Callable[[Segment], Segment]] = {
    "quantity": lambda s: s.with_frame(quantity=HUMIDITY),
    "seq": lambda s: s.with_frame(seq=1),
    "from": lambda s: s.with_frame(start=Frame.of(s.frame).start + 1),
    "to": lambda s: s.with_frame(end=Frame.of(s.frame).end - 1),
    "count": lambda s: s.with_frame(count=9),
    "max_interval": lambda s: s.with_frame(max_interval=301),
    "min": lambda s: s.with_values(min=-61),
    "max": lambda s: s.with_values(max=821),
    "last": lambda s: s.with_values(last=819),
    "sum": lambda s: s.with_values(sum=4000),
    "limit": lambda s: s.with_excursion(limit=Limit(-51, False)),
    "first": lambda s: s.with_excursion(first=301),
    "prefix and first": lambda s: s.with_excursion(first=0, prefix=300),
    "suffix": lambda s: s.with_excursion(1, suffix=299),
    "longest": lambda s: s.with_excursion(1, longest=301),
    "runs": lambda s: s.with_excursion(1, runs=4),
    "total": lambda s: s.with_excursion(1, total=801),
    "a histogram": lambda s: s.with_histogram({5: 200_000}),
    "an excursion less": lambda s: s._replace(excursions=s.excursions[:1]),
    "no excursions": lambda s: s._replace(excursions=()),
    "root": lambda s: s._replace(root=keccak(s.root)),
}


@pytest.mark.parametrize("field", CHANGES)
def test_nothing_in_a_signed_segment_can_be_changed(cold: ColdChain, field: str) -> None:
    segment = rich(cold, 2 if field == "seq" else 1)
    cold.wait_for(segment)
    _, signer, signature = cold.sign(segment)
    changed = CHANGES[field](segment)
    with reverts("InvalidDeviceSignature", cold.logger.id, cold.telemetry.digestOf(changed)):
        cold.telemetry.anchor(changed, signer, signature, sender=cold.world.stranger)


@pytest.mark.parametrize("weights", [{5: 26_399, 6: 3601}, {5: 30_000}, {6: 30_000}, {}])
def test_a_signed_histogram_cannot_be_changed(cold: ColdChain, weights: dict[int, int]) -> None:
    segment = cold.segment(cold.every(300, [512, 600]), limits=(), histogram=True)
    assert segment == segment.with_histogram({5: 300 * 88, 6: 300 * 12})
    cold.wait_for(segment)
    _, *signed = cold.sign(segment)
    changed = segment.with_histogram(weights)
    with reverts("InvalidDeviceSignature", cold.logger.id, cold.telemetry.digestOf(changed)):
        cold.telemetry.anchor(changed, *signed, sender=cold.world.stranger)
    assert cold.telemetry.anchor(segment, *signed, sender=cold.world.stranger).ok


def test_a_segment_is_of_one_device_and_one_twin(cold: ColdChain) -> None:
    """Also where the other device has the same key, and the other twin the same device."""
    twin = cold.device("LOGGER2", cold.logger.signer)
    cold.enrol(twin)
    cold.attach(twin)
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
    cold.attach(cold.logger, crate)
    segment = one(cold)
    cold.wait_for(segment)
    _, *signed = cold.sign(segment)
    for change in ({"device": twin.id}, {"subject": crate}):
        changed = segment._replace(**change)
        with reverts("InvalidDeviceSignature", changed.device, cold.telemetry.digestOf(changed)):
            cold.telemetry.anchor(changed, *signed, sender=cold.world.stranger)


@pytest.mark.parametrize("elsewhere", ["contract", "chain"])
def test_a_segment_is_for_one_contract_on_one_chain(cold: ColdChain, elsewhere: str) -> None:
    segment = one(cold)
    cold.wait_for(segment)
    other = deploy(cold.node, "Telemetry", cold.world.consortium, cold.devices)
    where = {"contract": (other.address, cold.node.chain_id), "chain": (cold.telemetry.address, 1)}
    signature = cold.logger.signer.sign(digest_of(segment, *where[elsewhere]))
    with reverts("InvalidDeviceSignature", cold.logger.id, cold.telemetry.digestOf(segment)):
        cold.telemetry.anchor(segment, cold.logger.signer.name, signature, sender=cold.world.stranger)


def test_an_anchored_segment_is_never_changed(cold: ColdChain) -> None:
    """Two signed segments with one number: the first one counts."""
    calm = cold.segment(cold.every(300, [500, 500]), limits=(HOT, COLD))
    cold.anchor(calm)
    with reverts("NotNextSegment", cold.logger.id, 2, 1):
        cold.anchor(one(cold, 1))
    assert cold.telemetry.anchored(*calm.key, 1) == cold.telemetry.digestOf(calm)[:27]


def test_a_failed_segment_leaves_nothing(cold: ColdChain) -> None:
    segment = one(cold)
    cold.wait_for(segment)
    with reverts("InvalidDeviceSignature"):
        cold.telemetry.anchor(segment, cold.logger.signer.name, bytes(65), sender=cold.world.stranger)
    assert cold.telemetry.stream(*segment.key) == (0, 0)
    cold.anchor(segment)


def test_segments_can_be_bundled(cold: ColdChain) -> None:
    first, second = one(cold), one(cold, 2, cold.start + 1000)
    cold.wait_for(second)
    calls = [cold.telemetry.anchor.encode(*cold.sign(segment)) for segment in (first, second)]
    cold.telemetry.multicall(calls, sender=cold.world.stranger)
    assert cold.telemetry.stream(*first.key) == (2, cold.start + 1900)


# What was proved false


def test_a_module_falsifies_a_segment(cold: ColdChain) -> None:
    """It stays anchored, and later ones still follow it."""
    segment, world = one(cold), cold.world
    cold.anchor(segment)
    digest, module = cold.telemetry.digestOf(segment), Forwarder.deploy(cold.node, world.stranger)
    world.empower(module)
    assert cold.telemetry.requireAnchored(segment) == digest
    assert not cold.telemetry.falsified(digest)
    assert cold.telemetry.falsification(digest) == ("0x" + 40 * "0", 0)
    receipt = cold.telemetry.falsify(segment, 3, world.carrier.all, sender=module)
    told = {"device": cold.logger.id, "subject": cold.pallet, "digest": digest, "lie": 3}
    told |= {"by": world.carrier.all, "caller": module.address}
    assert cold.telemetry.events(receipt, "SegmentFalsified") == [told]
    alert = {"subject": cold.pallet, "code": keccak(text="FALSIFIED")[:4], "org": 0, "severity": 3}
    assert cold.telemetry.events(receipt, "Alert") == [alert | {"ref": digest}]
    assert cold.telemetry.falsified(digest)
    assert cold.telemetry.falsification(digest) == (world.carrier.all, 3)
    assert cold.telemetry.anchored(*segment.key, 1) == digest[:27]
    assert cold.telemetry.anchor.call(segment, b"", b"") == (digest, True)
    with reverts("AlreadyFalsified", digest):
        cold.telemetry.falsify(segment, 1, world.carrier.all, sender=module)
    later = one(cold, 2, world.now + 1)
    cold.anchor(later)
    assert not cold.telemetry.falsified(cold.telemetry.digestOf(later))


def test_only_modules_falsify(cold: ColdChain) -> None:
    segment = one(cold)
    cold.anchor(segment)
    for org in (cold.world.maker, cold.world.regulator):
        with reverts("MissingRole", org.number, org.roles, Role.MODULE):
            cold.telemetry.falsify(segment, 1, org.all, sender=org.all)
    module = Forwarder.deploy(cold.node, cold.world.stranger)
    cold.world.empower(module, duties=~Duty.ANCHOR & 2**32 - 1)
    with reverts("MissingDuty", module.address, ~Duty.ANCHOR & 2**32 - 1, Duty.ANCHOR):
        cold.telemetry.falsify(segment, 1, module.address, sender=module)
    assert not cold.telemetry.falsified(cold.telemetry.digestOf(segment))


def test_only_what_is_anchored_is_falsified(cold: ColdChain) -> None:
    segment, module = one(cold), Forwarder.deploy(cold.node, cold.world.stranger)
    cold.world.empower(module)
    with reverts("NotAnchored", cold.telemetry.digestOf(segment)):
        cold.telemetry.falsify(segment, 1, cold.world.stranger, sender=module)
    with reverts("NotAnchored", cold.telemetry.digestOf(segment)):
        cold.telemetry.requireAnchored(segment)
