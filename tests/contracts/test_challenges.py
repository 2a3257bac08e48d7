"""Bonds, demands and consequences: every step with its model, every refusal with its values."""

from __future__ import annotations

import pytest

from tests.models.challenge_shadow import ChallengeShadow
from tests.models.challenges import ANSWER_WINDOW, DEMAND_WINDOW, MAX_OPEN, NOBODY, NOTICE_PERIOD
from tests.models.lies import Forest
from tests.models.segments import Frame, Reading, Values
from tests.support import Contract, Forwarder, Node, deploy, reverts
from tests.support.guarded import AMOUNT, PRICE, USD
from tests.support.world import DAY, person


@pytest.fixture
def shadow(node: Node) -> ChallengeShadow:
    return ChallengeShadow(node)


@pytest.fixture
def bonded(shadow: ChallengeShadow) -> ChallengeShadow:
    """The gateway vouches for the logger."""
    assert bond(shadow)
    return shadow


def bond(shadow: ChallengeShadow, amount: int = AMOUNT, price: int = PRICE) -> bool:
    guarded = shadow.guarded
    args = guarded.device, amount, guarded.beneficiary, price
    return shadow.do("bond", *args, sender=guarded.gateway)


def where(shadow: ChallengeShadow) -> tuple[bytes, int]:
    return shadow.guarded.device, shadow.guarded.org


def segment(shadow: ChallengeShadow, seq: int = 1, values: tuple[int, ...] = (500, 510, 520, 530)) -> Forest:
    """An honest one that begins now, or right after the last one."""
    cold = shadow.guarded.cold
    return shadow.anchor(shadow.guarded.forest(cold.every(60, values, cold.world.now + seq - 1), seq=seq))


def lie(shadow: ChallengeShadow, seq: int = 1) -> Forest:
    """One whose sum is false, at the top of its tree as in what the device signed."""
    cold = shadow.guarded.cold
    readings = cold.every(60, [500, 510, 520, 530], cold.world.now + seq - 1)
    words = cold.segment(readings, seq)
    words = words.with_values(sum=Values.of(words.values).sum - 1)
    return shadow.anchor(Forest(words, readings, {Forest(words, readings).inner[-1]: words.summary}))


def settle(shadow: ChallengeShadow, forest: Forest, org: int | None = None) -> bool:
    org = shadow.guarded.org if org is None else org
    return shadow.do("settle", forest.signed, org, sender=shadow.guarded.cold.world.stranger)


def demand(shadow: ChallengeShadow, forest: Forest, index: int = 0, sender: str | None = None) -> bool:
    args = forest.signed, index, shadow.guarded.org
    return shadow.do("demand", *args, sender=sender or shadow.guarded.doubter)


def answer(shadow: ChallengeShadow, forest: Forest, index: int = 0, sender: str | None = None) -> bool:
    reading = index, *forest.readings[index]
    args = forest.signed, shadow.guarded.org, reading, forest.proof(index)
    return shadow.do("answer", *args, sender=sender or shadow.guarded.gateway)


def claim(shadow: ChallengeShadow, forest: Forest, index: int = 0) -> bool:
    args = forest.signed, index, shadow.guarded.org
    return shadow.do("claimWithheld", *args, sender=shadow.guarded.cold.world.stranger)


def test_what_challenges_stand_on(shadow: ChallengeShadow) -> None:
    contract, cold = shadow.contract, shadow.guarded.cold
    assert contract.TELEMETRY() == cold.telemetry.address
    assert contract.DEVICES() == cold.devices.address
    assert contract.CONSORTIUM() == cold.world.consortium.address
    assert contract.TOKEN() == shadow.guarded.token.address
    assert contract.MAX_OPEN() == MAX_OPEN == 16
    assert contract.DEMAND_WINDOW() == DEMAND_WINDOW == 30 * DAY
    assert contract.ANSWER_WINDOW() == ANSWER_WINDOW == 3 * DAY
    assert contract.NOTICE_PERIOD() == NOTICE_PERIOD == 45 * DAY
    assert contract.CHALLENGER_SHARE() == 250_000


# Bonds


def test_an_organisation_vouches_for_its_device(shadow: ChallengeShadow) -> None:
    assert shadow.contract.bondOf(*where(shadow)) == (NOBODY, 0, 0, 0, 0, NOBODY, 0, 0)
    assert bond(shadow)
    shadow.check_views()


def test_it_vouches_once(bonded: ChallengeShadow) -> None:
    assert not bond(bonded)


def test_only_for_a_device_of_its_own(shadow: ChallengeShadow) -> None:
    guarded, carrier = shadow.guarded, shadow.guarded.cold.world.carrier
    guarded.fund(carrier.anchor, AMOUNT)
    shadow.knows(carrier.anchor)
    args = guarded.device, AMOUNT, guarded.beneficiary, PRICE
    with reverts("NotDeviceOwner", guarded.device, carrier.number, guarded.org):
        shadow.contract.bond(*args, sender=carrier.anchor)
    assert not shadow.do("bond", *args, sender=carrier.anchor)


def test_only_with_the_duty(shadow: ChallengeShadow) -> None:
    guarded, maker = shadow.guarded, shadow.guarded.cold.world.maker
    with reverts("MissingDuty"):
        shadow.contract.bond(guarded.device, AMOUNT, guarded.beneficiary, PRICE, sender=maker.quality)
    with reverts("UnknownAccount", guarded.doubter):
        shadow.contract.bond(guarded.device, AMOUNT, guarded.beneficiary, PRICE, sender=guarded.doubter)


@pytest.mark.parametrize(
    ("amount", "price", "good"),
    [(0, 0, False), (4, 0, False), (3, 1, False), (4, 1, True), (4, 2, False), (7, 1, True), (7, 2, False),
     (8, 2, True)],
)  # fmt: skip
def test_who_demands_risks_no_more_than_it_can_win(
    shadow: ChallengeShadow, amount: int, price: int, good: bool
) -> None:
    assert bond(shadow, amount, price) == good


def test_somebody_else_is_hurt_by_a_lie(shadow: ChallengeShadow) -> None:
    guarded = shadow.guarded
    for nobody in (NOBODY, guarded.gateway):
        with reverts("InvalidBeneficiary", nobody):
            shadow.contract.bond(guarded.device, AMOUNT, nobody, PRICE, sender=guarded.gateway)
        assert not shadow.do("bond", guarded.device, AMOUNT, nobody, PRICE, sender=guarded.gateway)


def test_anyone_adds_to_a_bond(shadow: ChallengeShadow) -> None:
    doubter = shadow.guarded.doubter
    assert not shadow.do("raiseBond", *where(shadow), USD, sender=doubter)
    assert bond(shadow)
    assert shadow.do("raiseBond", *where(shadow), USD, sender=doubter)
    assert not shadow.do("raiseBond", *where(shadow), 100 * AMOUNT, sender=doubter)
    shadow.check_views()


def test_a_bond_leaves_after_notice(bonded: ChallengeShadow) -> None:
    gateway = bonded.guarded.gateway
    assert not bonded.do("withdrawBond", *where(bonded), sender=gateway)
    assert bonded.do("giveNotice", *where(bonded), sender=gateway)
    assert not bonded.do("giveNotice", *where(bonded), sender=gateway)
    bonded.check_views()
    bonded.node.warp(NOTICE_PERIOD - 1)
    assert not bonded.do("withdrawBond", *where(bonded), sender=gateway)
    bonded.node.warp(1)
    bonded.guarded.cold.world.suspend(bonded.guarded.cold.world.maker)
    assert bonded.do("withdrawBond", *where(bonded), sender=gateway)
    bonded.check_views()
    for action in ("giveNotice", "withdrawBond"):
        assert not bonded.do(action, *where(bonded), sender=gateway)
    bonded.guarded.cold.world.suspend(bonded.guarded.cold.world.maker, suspended=False)
    assert bond(bonded)


def test_only_its_account_takes_a_bond_back(bonded: ChallengeShadow) -> None:
    for other in (bonded.guarded.doubter, bonded.guarded.beneficiary):
        assert not bonded.do("giveNotice", *where(bonded), sender=other)
    assert bonded.do("giveNotice", *where(bonded), sender=bonded.guarded.gateway)
    bonded.node.warp(NOTICE_PERIOD)
    assert not bonded.do("withdrawBond", *where(bonded), sender=bonded.guarded.doubter)


# A lie


def test_a_liar_pays(bonded: ChallengeShadow) -> None:
    """A quarter to who proved it, the rest to who is hurt, and the key is ended."""
    guarded = bonded.guarded
    false = lie(bonded)
    assert not settle(bonded, false)
    bonded.prove(false, guarded.doubter)
    assert settle(bonded, false)
    assert bonded.contract.creditOf(guarded.doubter) == AMOUNT // 4
    assert bonded.contract.creditOf(guarded.beneficiary) == AMOUNT - AMOUNT // 4
    assert guarded.cold.devices.revoked(guarded.device)
    bonded.check_views()
    assert not settle(bonded, false)
    assert not settle(bonded, false, 0)
    for account in (guarded.doubter, guarded.beneficiary):
        assert bonded.do("withdrawCredit", sender=account)
        assert not bonded.do("withdrawCredit", sender=account)
    bonded.check_views()


@pytest.mark.parametrize("amount", [4, 5, 6, 7, AMOUNT + 1, AMOUNT + 2, AMOUNT + 3])
def test_what_cannot_be_shared_goes_to_the_beneficiary(shadow: ChallengeShadow, amount: int) -> None:
    assert bond(shadow, amount, 1)
    false = lie(shadow)
    shadow.prove(false, shadow.guarded.doubter)
    assert settle(shadow, false)
    assert shadow.contract.creditOf(shadow.guarded.doubter) == amount // 4
    assert shadow.contract.creditOf(shadow.guarded.beneficiary) == amount - amount // 4


def test_a_gateway_that_challenges_itself_saves_a_quarter(bonded: ChallengeShadow) -> None:
    false = lie(bonded)
    bonded.prove(false, bonded.guarded.gateway)
    assert settle(bonded, false)
    assert bonded.contract.creditOf(bonded.guarded.gateway) == AMOUNT // 4


def test_a_lie_ends_the_key_without_a_bond(shadow: ChallengeShadow) -> None:
    false = lie(shadow)
    shadow.prove(false, shadow.guarded.doubter)
    assert settle(shadow, false)
    assert not settle(shadow, false)
    assert shadow.guarded.cold.devices.revoked(shadow.guarded.device)


def test_a_bond_is_taken_though_the_key_was_ended_before(bonded: ChallengeShadow) -> None:
    false = lie(bonded)
    bonded.prove(false, bonded.guarded.doubter)
    assert settle(bonded, false, 0)
    assert settle(bonded, false)


def test_a_bond_does_not_answer_for_what_was_before(shadow: ChallengeShadow) -> None:
    """From its first second on."""
    early = lie(shadow)
    shadow.node.warp(1)
    assert bond(shadow)
    shadow.prove(early, shadow.guarded.doubter)
    assert settle(shadow, early)
    assert not settle(shadow, early)
    assert shadow.contract.bondOf(*where(shadow)).amount == AMOUNT


def test_a_bond_answers_for_its_first_second(shadow: ChallengeShadow) -> None:
    first = lie(shadow)
    assert Frame.of(first.signed.frame).end == shadow.node.timestamp
    assert bond(shadow)
    shadow.prove(first, shadow.guarded.doubter)
    assert settle(shadow, first)


def test_readings_of_its_first_second_are_demanded(shadow: ChallengeShadow) -> None:
    first = segment(shadow)
    assert bond(shadow)
    assert demand(shadow, first)


def test_a_lie_has_no_time_limit_while_the_bond_is_there(bonded: ChallengeShadow) -> None:
    false = lie(bonded)
    assert bonded.do("giveNotice", *where(bonded), sender=bonded.guarded.gateway)
    bonded.node.warp(NOTICE_PERIOD * 10)
    bonded.prove(false, bonded.guarded.doubter)
    assert settle(bonded, false)
    assert not bonded.do("withdrawBond", *where(bonded), sender=bonded.guarded.gateway)
    bonded.check_views()


def test_a_second_lie_finds_nothing(bonded: ChallengeShadow) -> None:
    first, second = lie(bonded), lie(bonded, 2)
    bonded.prove(first, bonded.guarded.doubter)
    bonded.prove(second, bonded.guarded.doubter)
    assert settle(bonded, second)
    assert not settle(bonded, first)


def test_only_segments_that_are_anchored_are_settled(bonded: ChallengeShadow) -> None:
    forest = bonded.guarded.forest(bonded.guarded.cold.every(60, [500, 501]))
    bonded.model.segments.digests[forest.signed] = bonded.guarded.digest(forest)
    assert not settle(bonded, forest)
    assert not demand(bonded, forest)


# Demands


def test_a_reading_is_demanded_and_shown(bonded: ChallengeShadow) -> None:
    """The price goes to the bond's account, whoever answers."""
    forest = segment(bonded)
    assert demand(bonded, forest, 2)
    bonded.check_views()
    assert answer(bonded, forest, 2, bonded.guarded.doubter)
    assert bonded.contract.creditOf(bonded.guarded.gateway) == PRICE
    bonded.check_views()
    assert demand(bonded, forest, 2)
    assert answer(bonded, forest, 2)
    bonded.check_views()


def test_what_is_not_shown_in_time_is_false(bonded: ChallengeShadow) -> None:
    """The deposit goes back, the bond is lost, and the key lives on."""
    guarded, forest = bonded.guarded, segment(bonded)
    assert demand(bonded, forest)
    bonded.node.warp(ANSWER_WINDOW)
    assert not claim(bonded, forest)
    bonded.node.warp(1)
    assert not answer(bonded, forest)
    assert claim(bonded, forest)
    assert bonded.contract.creditOf(guarded.doubter) == PRICE + AMOUNT // 4
    assert bonded.contract.creditOf(guarded.beneficiary) == AMOUNT - AMOUNT // 4
    assert guarded.cold.telemetry.falsified(guarded.digest(forest))
    assert not guarded.cold.devices.revoked(guarded.device)
    assert not settle(bonded, forest, 0)
    bonded.check_views()


def test_the_last_second_for_an_answer(bonded: ChallengeShadow) -> None:
    forest = segment(bonded)
    assert demand(bonded, forest)
    bonded.node.warp(ANSWER_WINDOW)
    assert answer(bonded, forest)


def test_only_the_reading_itself_is_an_answer(bonded: ChallengeShadow) -> None:
    guarded, forest = bonded.guarded, segment(bonded)
    assert demand(bonded, forest, 1)
    time, value = forest.readings[1]
    for reading in ((1, time, value + 1), (1, time + 1, value)):
        args = forest.signed, guarded.org, reading, forest.proof(1)
        assert not bonded.do("answer", *args, sender=guarded.gateway)
    with reverts("NotInSegment", 1):
        bonded.contract.answer(
            forest.signed, guarded.org, (1, time, value), forest.proof(1)[:1], sender=guarded.gateway
        )
    assert not answer(bonded, forest, 2)
    assert answer(bonded, forest, 1)


def test_nobody_answers_or_claims_what_was_not_demanded(bonded: ChallengeShadow) -> None:
    forest = segment(bonded)
    assert not answer(bonded, forest)
    assert not claim(bonded, forest)
    assert demand(bonded, forest)
    assert not demand(bonded, forest)
    assert not claim(bonded, forest, 1)
    assert answer(bonded, forest)
    assert not answer(bonded, forest)


def test_readings_that_are_not_there_are_not_demanded(bonded: ChallengeShadow) -> None:
    forest = segment(bonded)
    assert not demand(bonded, forest, 4)
    assert not demand(bonded, forest, 2**32 - 1)
    assert demand(bonded, forest, 3)


def test_a_demand_needs_a_bond_and_the_price(shadow: ChallengeShadow) -> None:
    forest = segment(shadow)
    assert not demand(shadow, forest)
    assert bond(shadow)
    poor = person("poor")
    shadow.guarded.fund(poor, PRICE - 1)
    shadow.knows(poor)
    later = segment(shadow, 2)
    assert not demand(shadow, later, sender=poor)
    shadow.guarded.token.mint(poor, 1, sender=poor)
    shadow.model.tokens[poor] += 1
    assert demand(shadow, later, sender=poor)


def test_readings_are_demanded_while_the_window_is_open(bonded: ChallengeShadow) -> None:
    forest = segment(bonded)
    bonded.node.warp(DEMAND_WINDOW)
    assert demand(bonded, forest, 0)
    bonded.node.warp(1)
    assert not demand(bonded, forest, 1)


def test_readings_from_before_the_bond_are_not_demanded(shadow: ChallengeShadow) -> None:
    early = segment(shadow)
    shadow.node.warp(1)
    assert bond(shadow)
    assert not demand(shadow, early)


def test_no_demand_keeps_a_bond_that_may_leave(bonded: ChallengeShadow) -> None:
    """The last ones are answered or claimed before."""
    gateway = bonded.guarded.gateway
    assert bonded.do("giveNotice", *where(bonded), sender=gateway)
    last = NOTICE_PERIOD - ANSWER_WINDOW
    bonded.node.warp(last - DEMAND_WINDOW // 2)
    forest = segment(bonded)
    bonded.node.timestamp = bonded.model.of(*where(bonded)).notice_at + last
    assert demand(bonded, forest)
    bonded.node.warp(1)
    assert not demand(bonded, forest, 1)
    bonded.node.warp(ANSWER_WINDOW)
    assert not bonded.do("withdrawBond", *where(bonded), sender=gateway)
    assert claim(bonded, forest)


def test_demands_of_both_kinds_keep_a_bond(bonded: ChallengeShadow) -> None:
    guarded, forest, false = bonded.guarded, segment(bonded), lie(bonded, 2)
    assert bonded.do("giveNotice", *where(bonded), sender=guarded.gateway)
    assert demand(bonded, forest, 0)
    assert demand(bonded, forest, 1, guarded.beneficiary)
    bonded.node.warp(NOTICE_PERIOD)
    assert not bonded.do("withdrawBond", *where(bonded), sender=guarded.gateway)
    bonded.prove(false, guarded.doubter)
    assert settle(bonded, false)
    for index in (0, 1):
        assert not bond(bonded)
        assert claim(bonded, forest, index)
    assert bond(bonded)


def test_an_answered_demand_lets_the_bond_go(bonded: ChallengeShadow) -> None:
    gateway, forest = bonded.guarded.gateway, segment(bonded)
    assert bonded.do("giveNotice", *where(bonded), sender=gateway)
    assert demand(bonded, forest)
    assert answer(bonded, forest)
    bonded.node.warp(NOTICE_PERIOD)
    assert bonded.do("withdrawBond", *where(bonded), sender=gateway)
    bonded.check_views()


def test_demands_are_bounded_for_strangers_and_for_the_beneficiary_apart(bonded: ChallengeShadow) -> None:
    """Neither strangers nor the gateway itself keep the beneficiary out."""
    forest = segment(bonded, values=tuple(range(500, 540)))
    beneficiary = bonded.guarded.beneficiary
    for index in range(MAX_OPEN):
        assert demand(bonded, forest, index, [bonded.guarded.doubter, bonded.guarded.gateway][index % 2])
    assert not demand(bonded, forest, MAX_OPEN)
    for index in range(MAX_OPEN, 2 * MAX_OPEN):
        assert demand(bonded, forest, index, beneficiary)
    assert not demand(bonded, forest, 39, beneficiary)
    bonded.check_views()
    assert answer(bonded, forest, 0)
    assert demand(bonded, forest, 38)
    assert not demand(bonded, forest, 39)
    assert not demand(bonded, forest, 39, beneficiary)
    assert answer(bonded, forest, MAX_OPEN)
    assert demand(bonded, forest, 39, beneficiary)
    bonded.check_views()


def test_an_honest_gateway_loses_nothing_by_any_demands(bonded: ChallengeShadow) -> None:
    """Whoever asks pays the price that the gateway named, once for each answer, and gets nothing back."""
    guarded = bonded.guarded
    forest = segment(bonded, values=tuple(range(500, 540)))
    before = guarded.token.balanceOf(guarded.doubter)
    asked = 0
    for _ in range(3):
        for index in range(MAX_OPEN):
            assert demand(bonded, forest, index)
            asked += 1
        for index in range(MAX_OPEN):
            assert answer(bonded, forest, index, guarded.doubter)
    assert bonded.contract.creditOf(guarded.gateway) == asked * PRICE
    assert before - guarded.token.balanceOf(guarded.doubter) == asked * PRICE
    assert bonded.contract.creditOf(guarded.doubter) == 0
    assert bonded.contract.bondOf(*where(bonded)).amount == AMOUNT
    assert not guarded.cold.telemetry.falsified(guarded.digest(forest))


def test_demands_outlive_the_bond(bonded: ChallengeShadow) -> None:
    """It was lost to a lie: deposits still go where they belong, and the terms are kept until they have."""
    guarded, forest, false = bonded.guarded, segment(bonded), lie(bonded, 2)
    for index in (0, 1):
        assert demand(bonded, forest, index)
    bonded.prove(false, guarded.doubter)
    assert settle(bonded, false)
    bonded.check_views()
    assert not bond(bonded)
    assert not demand(bonded, forest, 2)
    assert answer(bonded, forest, 0)
    bonded.node.warp(ANSWER_WINDOW + 1)
    assert claim(bonded, forest, 1)
    assert guarded.cold.telemetry.falsified(guarded.digest(forest))
    bonded.check_views()
    assert bond(bonded)


def test_what_is_false_already_is_not_made_so_again(bonded: ChallengeShadow) -> None:
    false = lie(bonded)
    assert demand(bonded, false)
    bonded.prove(false, bonded.guarded.beneficiary)
    bonded.node.warp(ANSWER_WINDOW + 1)
    assert claim(bonded, false)
    assert bonded.contract.creditOf(bonded.guarded.doubter) == PRICE + AMOUNT // 4
    assert settle(bonded, false, 0)
    bonded.check_views()


def test_who_has_sold_the_device_no_longer_speaks_for_it(bonded: ChallengeShadow) -> None:
    """The bond is lost, and the segment stays what it is: its owner has refused nothing."""
    guarded, world, forest = bonded.guarded, bonded.guarded.cold.world, segment(bonded)
    assert demand(bonded, forest)
    world.give_title(guarded.device, world.maker, world.carrier)
    bonded.model.segments.owners[guarded.device] = world.carrier.number
    bonded.node.warp(ANSWER_WINDOW + 1)
    assert claim(bonded, forest)
    assert not guarded.cold.telemetry.falsified(guarded.digest(forest))
    assert bonded.contract.bondOf(*where(bonded)).amount == 0
    bonded.check_views()


def test_a_contract_vouches_and_demands(shadow: ChallengeShadow) -> None:
    """Whoever calls is meant, not who sent the transaction."""
    guarded, world = shadow.guarded, shadow.guarded.cold.world
    owner, doubter = (Forwarder.deploy(shadow.node, world.stranger) for _ in range(2))
    world.hire(world.maker, owner)
    shadow.model.segments.accounts[owner.address] = guarded.org
    for machine in (owner, doubter):
        guarded.token.mint(machine.address, 2 * AMOUNT, sender=world.stranger)
        guarded.token.approve(shadow.contract, 2**256 - 1, sender=machine)
        shadow.model.tokens[machine.address] = 2 * AMOUNT
    assert not shadow.do("bond", guarded.device, AMOUNT, owner.address, PRICE, sender=owner)
    assert shadow.do("bond", guarded.device, AMOUNT, world.stranger, PRICE, sender=owner)
    assert shadow.do("raiseBond", *where(shadow), USD, sender=doubter)
    forest = segment(shadow)
    assert shadow.do("demand", forest.signed, 0, guarded.org, sender=doubter)
    assert shadow.contract.bondOf(*where(shadow)).openOfBeneficiary == 0
    assert not shadow.do("giveNotice", *where(shadow), sender=world.stranger)
    assert shadow.do("giveNotice", *where(shadow), sender=owner)
    assert shadow.do(
        "answer", forest.signed, guarded.org, (0, *forest.readings[0]), forest.proof(0), sender=doubter
    )
    assert shadow.do("demand", forest.signed, 1, guarded.org, sender=doubter)
    shadow.node.warp(ANSWER_WINDOW + 1)
    assert shadow.do("claimWithheld", forest.signed, 1, guarded.org, sender=doubter)
    assert shadow.do("withdrawCredit", sender=doubter)
    shadow.check_views()


def test_a_contract_takes_its_bond_back(shadow: ChallengeShadow) -> None:
    guarded, world = shadow.guarded, shadow.guarded.cold.world
    owner = Forwarder.deploy(shadow.node, world.stranger)
    world.hire(world.maker, owner)
    shadow.model.segments.accounts[owner.address] = guarded.org
    guarded.token.mint(owner.address, AMOUNT, sender=world.stranger)
    guarded.token.approve(shadow.contract, AMOUNT, sender=owner)
    shadow.model.tokens[owner.address] = AMOUNT
    assert shadow.do("bond", guarded.device, AMOUNT, guarded.beneficiary, PRICE, sender=owner)
    assert shadow.do("giveNotice", *where(shadow), sender=owner)
    shadow.node.warp(NOTICE_PERIOD)
    assert not shadow.do("withdrawBond", *where(shadow), sender=world.stranger)
    assert shadow.do("withdrawBond", *where(shadow), sender=owner)
    shadow.check_views()


FEE, CALL = 1, 5


@pytest.fixture
def hostile(shadow: ChallengeShadow) -> tuple[ChallengeShadow, Contract, Contract, Forest]:
    """Bonds in a token that can misbehave, and a segment that is anchored."""
    guarded, world = shadow.guarded, shadow.guarded.cold.world
    token = deploy(shadow.node, "HostileToken")
    challenges = deploy(shadow.node, "Challenges", world.consortium, world.telemetry, token)
    world.empower(challenges)
    for account in (guarded.gateway, guarded.doubter):
        token.mint(account, 2 * AMOUNT, sender=account)
        token.approve(challenges, 2**256 - 1, sender=account)
    return shadow, token, challenges, segment(shadow)


def test_a_token_that_keeps_a_fee_is_refused(
    hostile: tuple[ChallengeShadow, Contract, Contract, Forest],
) -> None:
    """What is at stake is what was promised."""
    shadow, token, challenges, _ = hostile
    guarded = shadow.guarded
    token.misbehave(FEE, NOBODY, b"", sender=guarded.gateway)
    with reverts("UnexpectedAmount", AMOUNT - 1, AMOUNT):
        challenges.bond(guarded.device, AMOUNT, guarded.beneficiary, PRICE, sender=guarded.gateway)


@pytest.mark.parametrize("inside", ["bond", "raiseBond", "withdrawBond", "demand", "withdrawCredit"])
@pytest.mark.parametrize("outside", ["bond", "raiseBond", "withdrawBond", "demand"])
def test_no_token_gets_back_in(
    hostile: tuple[ChallengeShadow, Contract, Contract, Forest], outside: str, inside: str
) -> None:
    """While tokens move, none of the functions that move tokens can be called again."""
    shadow, token, challenges, forest = hostile
    guarded = shadow.guarded
    args = {
        "bond": (guarded.device, AMOUNT, guarded.beneficiary, PRICE),
        "raiseBond": (*where(shadow), 1),
        "withdrawBond": where(shadow),
        "demand": (forest.signed, 0, guarded.org),
        "withdrawCredit": (),
    }
    if outside != "bond":
        shadow.node.timestamp = Frame.of(forest.signed.frame).end
        challenges.bond(*args["bond"], sender=guarded.gateway)
    if outside == "withdrawBond":
        challenges.giveNotice(*where(shadow), sender=guarded.gateway)
        shadow.node.warp(NOTICE_PERIOD)
    token.misbehave(
        CALL, challenges, getattr(challenges, inside).encode(*args[inside]), sender=guarded.gateway
    )
    with reverts("ReentrancyGuardReentrantCall"):
        getattr(challenges, outside)(*args[outside], sender=guarded.gateway)


def test_steps_can_be_bundled(bonded: ChallengeShadow) -> None:
    """Several demands in one transaction."""
    forest = segment(bonded)
    calls = [bonded.contract.demand.encode(forest.signed, i, bonded.guarded.org) for i in (0, 1)]
    bonded.contract.multicall(calls, sender=bonded.guarded.doubter)
    assert bonded.contract.bondOf(*where(bonded)).open == 2


def test_readings_are_of_segments(bonded: ChallengeShadow) -> None:
    """A reading of another segment is no answer, though it has the index."""
    first = segment(bonded)
    later = [Reading(r.time + 1000, r.value) for r in first.readings]
    second = bonded.anchor(bonded.guarded.forest(later, seq=2))
    assert demand(bonded, second)
    with reverts("NotInSegment", 0):
        bonded.contract.answer(
            second.signed, bonded.guarded.org, (0, *first.readings[0]), first.proof(0),
            sender=bonded.guarded.gateway,
        )  # fmt: skip
    assert answer(bonded, second)
