"""Recalls that are closed by a claim: published, refuted or adopted, and followed."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.claim_shadow import TREASURY, Claims, branch_proof, with_, without
from tests.models.closure_claims import NOBODY, ClaimState, Leaf, tree_over
from tests.models.lineage import chain
from tests.models.recalls import RecallState
from tests.support import Forwarder, Node, deploy, reverts
from tests.support.making import lot_id
from tests.support.words import Duty, LotCause, Role
from tests.support.world import BOND, DAY, happened

NO_ONE = "0x" + 40 * "0"


@pytest.fixture
def claims(node: Node) -> Claims:
    return Claims(node)


def steel(claims: Claims) -> tuple[int, bytes, bytes, list[bytes]]:
    """A recall of ore, of which bars, rods and a part were made; the recall, ore, process and products."""
    making = claims.making
    ore, part = making.lot("ore"), making.part("1")
    process, products = making.transform("rolling", [ore], ["bars", "rods"], [part])
    return making.recall(ore), ore, process, [*products, part]


def test_a_claim_from_its_bond_to_the_last_member_with_every_field(claims: Claims) -> None:
    world, contract, maker, anyone = claims.world, claims.shadow.contract, claims.maker, claims.anyone
    recall, ore, process, products = steel(claims)
    assert contract.claim.call(recall, 5, sender=maker) == 1
    leaves, of = claims.honest(recall), {"claim": 1}
    assert {leaf.member for leaf in leaves} == {ore, process, *products}
    receipt = contract.claim(recall, 5, sender=maker)
    who = {"recall": recall, "org": world.maker.number, "claimant": maker, "size": 5, "bond": BOND}
    paid = {"from": maker, "to": contract.address, "value": BOND}
    assert happened(receipt) == [("ClaimBegun", of | who), ("Transfer", paid)]
    facts = {"claimant": maker, "recall": recall, "size": 5, "published": 0, "followed": 0, "deadline": 0}
    assert contract.claimOf(1)._asdict() == facts | {"state": ClaimState.OPEN}
    assert contract.rootOf(1) == bytes(32)

    receipt = contract.publish(1, leaves, sender=maker)
    root, deadline = tree_over(leaves).root, world.now + DAY
    assert happened(receipt) == [
        ("MembersPublished", of | {"first": 0, "leaves": leaves}),
        ("ClaimComplete", of | {"root": root, "deadline": deadline}),
    ]
    facts |= {"published": 5, "deadline": deadline}
    assert contract.claimOf(1)._asdict() == facts | {"state": ClaimState.COMPLETE}
    assert contract.rootOf(1) == root
    assert world.lots.clear(products[0]).ok

    world.node.warp(DAY)
    with reverts("WindowOpen", 1, deadline):
        contract.adopt(1, sender=anyone)
    world.node.warp(1)
    receipt = contract.adopt(1, sender=anyone)
    closure = keccak(bytes(32) + root)
    named = {"recall": recall, "root": root}
    assert happened(receipt) == [
        ("Adopted", of | named | {"caller": anyone}),
        ("ClaimAdopted", named | {"size": 5, "frontier": 6, "closure": closure}),
    ]
    assert contract.creditOf(maker) == BOND
    facts_of = world.recalls.recallOf(recall)
    assert (facts_of.state, facts_of.frontier, facts_of.claimed) == (RecallState.OPEN, 6, True)
    assert world.recalls.closureOf(recall) == closure

    bars, rods, part = products
    receipt = contract.follow(1, leaves, [], sender=anyone)
    lots = [leaf.member for leaf in leaves if leaf.member in (bars, rods)]
    module, here = world.consortium.accountOf(world.recalls.address).org, {"recall": recall}
    held = {"id": part, "org": module, "reason": world.recalls.reasonOf(recall)}
    ref = (bytes(32), bytes(32), bytes(32), bytes(32), 0)
    found = happened(receipt)
    expected = [
        ("MembersFollowed", of | {"first": 0, "count": 5, "caller": anyone}),
        ("TwinAffected", here | {"twin": part, "caller": contract.address}),
        ("Held", held | {"caller": world.recalls.address, "ref": ref}),
        ("MemberCovered", here | {"member": ore}),
        *(("LotRecalled", here | {"lot": lot}) for lot in lots),
        ("ProcessRecalled", here | {"process": process}),
        ("ClaimFollowed", here | {"followed": 5, "added": 3, "frontier": 0}),
        ("RecallClosed", here | {"closureRoot": closure, "size": 5}),
    ]
    assert len(found) == len(expected)
    assert all(fact in found for fact in expected)
    assert found[0] == expected[0]
    assert found[-2:] == expected[-2:]
    assert contract.claimOf(1)._asdict() == facts | {"followed": 5, "state": ClaimState.ADOPTED}
    for lot in (bars, rods):
        assert world.lots.clear(lot) == (False, LotCause.RECALLED)
    assert all(world.recalls.isMember(recall, thing) for thing in (ore, process, *products))
    assert not world.recalls.isMember(recall, keccak(text="nothing"))
    assert not world.recalls.isMember(recall + 1, ore)
    assert world.recalls.stepped(recall, ore)
    assert not world.recalls.stepped(recall, bars)

    before = world.token.balanceOf(maker)
    receipt = contract.withdrawCredit(sender=maker)
    back = {"from": contract.address, "to": maker, "value": BOND}
    assert happened(receipt) == [("CreditWithdrawn", {"account": maker, "amount": BOND}), ("Transfer", back)]
    assert world.token.balanceOf(maker) == before + BOND
    claims.shadow.catch_up()
    claims.making.check()


def test_what_it_is_made_of(claims: Claims) -> None:
    world, contract = claims.world, claims.shadow.contract
    assert contract.RECALLS() == world.recalls.address
    assert contract.LINEAGE() == world.lineage.address
    assert contract.LOTS() == world.lots.address
    assert contract.TOKEN() == world.token.address
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.treasury() == TREASURY == world.governor
    domain = contract.eip712Domain()
    assert (domain.name, domain.version) == ("Goldthread ClosureClaims", "1")
    assert (contract.BOND(), contract.WINDOW(), contract.claimCount()) == (BOND, DAY, 0)
    assert contract.claimOf(1)._asdict() == {
        "claimant": NO_ONE, "recall": 0, "size": 0, "published": 0, "followed": 0, "deadline": 0, "state": 0
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ claiming


def test_who_claims(claims: Claims) -> None:
    world, contract = claims.world, claims.shadow.contract
    recall, *_ = steel(claims)
    supplier, regulator = world.supplier, world.regulator
    with reverts("MayNotClaim", recall, supplier.number):
        contract.claim(recall, 1, sender=supplier.recall)
    with reverts("MissingDuty", claims.world.maker.register, Duty.REGISTER, Duty.RECALL):
        contract.claim(recall, 1, sender=world.maker.register)
    with reverts("UnknownAccount", claims.anyone):
        contract.claim(recall, 1, sender=claims.anyone)
    with reverts("NoMembers"):
        contract.claim(recall, 0, sender=claims.maker)
    assert claims.shadow.claim("claim", recall, 1, sender=regulator.recall)
    assert claims.shadow.claim("claim", recall, 2**32 - 1, sender=claims.maker)
    machine = Forwarder.deploy(world.node, claims.maker)
    with reverts("UnknownAccount", machine.address):
        contract.claim(recall, 1, sender=machine)
    with reverts("NotClaimable", recall + 1, RecallState.NONE, False):
        contract.claim(recall + 1, 1, sender=claims.maker)
    claims.making.close(recall)
    with reverts("NotClaimable", recall, RecallState.CLOSED, False):
        contract.claim(recall, 1, sender=claims.maker)


def test_a_contract_claims_with_its_own_bond(claims: Claims) -> None:
    world, contract, shadow = claims.world, claims.shadow.contract, claims.shadow
    recall, *_ = steel(claims)
    machine = Forwarder.deploy(world.node, claims.anyone)
    world.hire(world.maker, machine)
    shadow.catch_up()
    world.token.mint(machine.address, BOND, sender=claims.anyone)
    world.token.approve(contract, BOND, sender=machine)
    leaves = claims.honest(recall)
    assert shadow.claim("claim", recall, len(leaves), sender=machine)
    with reverts("NotClaimant", 1, machine.address):
        contract.publish(1, leaves, sender=claims.anyone)
    with reverts("NotClaimant", 1, machine.address):
        contract.end(1, sender=claims.anyone)
    assert shadow.claim("publish", 1, leaves, sender=machine)
    other = claims.begin(recall, without(leaves, 0))
    claims.making.close(recall)
    assert shadow.claim("end", 1, sender=machine)
    assert shadow.claim("end", other, sender=claims.maker)
    assert shadow.claim("withdrawCredit", sender=machine)
    assert world.token.balanceOf(machine.address) == BOND
    claims.making.check()


def test_a_bond_that_does_not_come_is_no_claim(claims: Claims) -> None:
    recall, *_ = steel(claims)
    world, contract = claims.world, claims.shadow.contract
    world.token.approve(contract, BOND - 1, sender=claims.maker)
    with reverts("ERC20InsufficientAllowance", contract.address, BOND - 1, BOND):
        contract.claim(recall, 1, sender=claims.maker)
    assert contract.claimCount() == 0


def test_a_token_that_misbehaves_pays_no_bond(claims: Claims) -> None:
    world, maker = claims.world, claims.maker
    recall, *_ = steel(claims)
    token = deploy(world.node, "HostileToken")
    contract = deploy(world.node, "ClosureClaims", world.consortium, world.recalls, token, BOND, DAY)
    token.mint(maker, 9 * BOND, sender=maker)
    token.approve(contract, 9 * BOND, sender=maker)
    _, fee, bonus, false, lie, call = range(6)
    for mode, error, *values in (
        (fee, "UnexpectedAmount", BOND - 1, BOND),
        (bonus, "UnexpectedAmount", BOND + 1, BOND),
        (false, "SafeERC20FailedOperation", token.address),
        (lie, "UnexpectedAmount", 0, BOND),
        (call, "ReentrancyGuardReentrantCall"),
    ):
        token.misbehave(mode, contract, contract.claim.encode(recall, 5), sender=maker)
        with reverts(error, *values):
            contract.claim(recall, 5, sender=maker)
    assert contract.claimCount() == 0


def test_a_list_is_published_in_its_order(claims: Claims) -> None:
    contract, maker = claims.shadow.contract, claims.maker
    recall, *_ = steel(claims)
    leaves = claims.honest(recall)
    assert claims.shadow.claim("claim", recall, 5, sender=maker)
    with reverts("WrongClaimState", 2, ClaimState.NONE):
        contract.publish(2, leaves, sender=maker)
    for found in (leaves[:4], [*leaves, leaves[0]], []):
        with reverts("WrongBatch", 1, 5, len(found)):
            contract.publish(1, found, sender=maker)
    swapped = [leaves[1], leaves[0], *leaves[2:]]
    with reverts("WrongLeaf", 1, 1):
        contract.publish(1, swapped, sender=maker)
    doubled = [leaves[0], leaves[0], *leaves[2:]]
    with reverts("WrongLeaf", 1, 1):
        contract.publish(1, doubled, sender=maker)
    for change in ({"parent": 5}, {"results": 5_001}, {"member": bytes(32)}):
        with reverts("WrongLeaf", 1, 0):
            contract.publish(1, [leaves[0]._replace(**change), *leaves[1:]], sender=maker)
    edge = [leaf._replace(parent=4, results=5_000, depth=2**32 - 1) for leaf in leaves]
    assert claims.shadow.claim("publish", 1, edge, sender=maker)
    with reverts("WrongClaimState", 1, ClaimState.COMPLETE):
        contract.publish(1, leaves, sender=maker)


@pytest.mark.parametrize("size", [64, 65, 129, 259])
def test_long_lists_go_in_batches(claims: Claims, size: int) -> None:
    """The batches make one tree, however many there are."""
    making, shadow, maker = claims.making, claims.shadow, claims.maker
    ore = making.lot("ore")
    names = [f"{place}" for place in range(size - 2)]
    process, _ = making.transform("one", [ore], names[:60])
    for start in range(60, len(names), 60):
        making.add_outputs(process, *names[start : start + 60])
    recall = making.recall(ore)
    leaves = claims.honest(recall)
    assert len(leaves) == size
    assert shadow.claim("claim", recall, size, sender=maker)
    if size > 64:
        with reverts("WrongBatch", 1, 64, 63):
            shadow.contract.publish(1, leaves[:63], sender=maker)
        with reverts("WrongBatch", 1, 64, 65):
            shadow.contract.publish(1, leaves[:65], sender=maker)
    for start in range(0, size, 64):
        if 0 < start < 128:
            batch = leaves[start : start + 64]
            again = [leaves[start - 1], *batch[:-1]]
            with reverts("WrongLeaf", 1, start):
                shadow.contract.publish(1, again, sender=maker)
        assert shadow.claim("publish", 1, leaves[start : start + 64], sender=maker)
    claims.adopt(1)
    with reverts("InvalidProof", 1, 0):
        shadow.contract.follow(1, leaves[:64], [bytes(32)], sender=claims.anyone)
    if size > 64:
        with reverts("InvalidProof", 1, 0):
            shadow.contract.follow(1, leaves[1:65], branch_proof(leaves, 0), sender=claims.anyone)
        with reverts("WrongBatch", 1, 64, 63):
            shadow.contract.follow(1, leaves[:63], branch_proof(leaves, 0), sender=claims.anyone)
    claims.follow(1)
    assert claims.world.recalls.recallOf(recall).state == RecallState.CLOSED
    for more in (leaves[:1], []):
        with reverts("WrongBatch", 1, 0, len(more)):
            shadow.contract.follow(1, more, [], sender=claims.anyone)
    for index in (0, size // 2, size - 1):
        assert claims.placed(1, index).leaf == leaves[index]
    claims.shadow.check_claims()


def test_a_claim_that_nobody_relied_on_ends(claims: Claims) -> None:
    shadow, contract, maker = claims.shadow, claims.shadow.contract, claims.maker
    recall, *_ = steel(claims)
    with reverts("NotClaimant", 1, NO_ONE):
        contract.end(1, sender=maker)
    assert shadow.claim("claim", recall, 5, sender=maker)
    with reverts("NotClaimant", 1, maker):
        contract.end(1, sender=claims.anyone)
    receipt = contract.end(1, sender=maker)
    assert happened(receipt) == [("ClaimEnded", {"claim": 1})]
    shadow.catch_up()
    with reverts("WrongClaimState", 1, ClaimState.ENDED):
        contract.end(1, sender=maker)
    number = claims.begin(recall, claims.honest(recall))
    with reverts("BondAtStake", number):
        contract.end(number, sender=maker)
    other = claims.begin(recall, claims.honest(recall))
    claims.adopt(number)
    with reverts("WrongClaimState", number, ClaimState.ADOPTED):
        contract.end(number, sender=maker)
    with reverts("AlreadyClaimed", recall):
        contract.adopt(other, sender=claims.anyone)
    with reverts("NotClaimable", recall, RecallState.OPEN, True):
        contract.claim(recall, 5, sender=maker)
    assert shadow.claim("end", other, sender=maker)
    assert contract.creditOf(maker) == 3 * BOND
    assert shadow.claim("withdrawCredit", sender=maker)
    with reverts("NoCredit", maker):
        contract.withdrawCredit(sender=maker)


def test_who_is_silenced_gets_the_money_out(claims: Claims) -> None:
    recall, *_ = steel(claims)
    number = claims.begin(recall, claims.honest(recall))
    claims.making.close(recall)
    claims.world.suspend(claims.world.maker)
    claims.shadow.catch_up()
    assert claims.shadow.claim("end", number, sender=claims.maker)
    assert claims.shadow.claim("withdrawCredit", sender=claims.maker)


# ------------------------------------------------------------------------------------------------ refuting


def test_something_is_missing(claims: Claims) -> None:
    world, contract, anyone = claims.world, claims.shadow.contract, claims.anyone
    recall, _, process, products = steel(claims)
    leaves = claims.honest(recall)
    missing = products[0]
    number = claims.begin(recall, without(leaves, [leaf.member for leaf in leaves].index(missing)))
    at = [leaf.member for leaf in claims.of(number).leaves].index(process)
    around = claims.around(number, missing)
    leaf = claims.placed(number, at)
    machine = Forwarder.deploy(world.node, anyone)
    receipt = contract.challengeMissing(number, leaf, products, 0, around, sender=machine)
    reward = BOND // 2
    of, lost = {"claim": number}, {"challenger": machine.address, "treasury": TREASURY}
    assert happened(receipt) == [
        ("MissingProven", of | {"member": process, "missing": missing}),
        ("BondLost", of | lost | {"reward": reward, "fine": BOND - reward}),
    ]
    assert contract.claimOf(number).state == ClaimState.REFUTED
    assert (contract.creditOf(machine.address), contract.creditOf(TREASURY)) == (reward, BOND - reward)
    claims.shadow.catch_up()
    for function, args in (
        ("challengeMissing", (number, leaf, products, 0, around)),
        ("challengeExcess", (number, leaf, NOBODY, [])),
        ("adopt", (number,)),
    ):
        with reverts("WrongClaimState", number, ClaimState.REFUTED):
            getattr(contract, function)(*args, sender=anyone)
    with reverts("WrongClaimState", number, ClaimState.REFUTED):
        contract.end(number, sender=claims.maker)
    assert claims.shadow.claim("withdrawCredit", sender=TREASURY)
    assert claims.shadow.claim("withdrawCredit", sender=machine)
    assert world.token.balanceOf(contract) == 0
    claims.making.check()


def test_the_treasury_is_that_of_who_administers_now(claims: Claims) -> None:
    world, contract = claims.world, claims.shadow.contract
    number = world.consortium.accountOf(contract.address).org
    world.consortium.offerAdmin(number, world.regulator.admin, sender=world.governor)
    world.consortium.acceptAdmin(number, sender=world.regulator.admin)
    assert contract.treasury() == world.regulator.admin
    claims.shadow.catch_up()
    claims.shadow.claims.ledger.treasury = world.regulator.admin
    recall, *_ = steel(claims)
    leaves = claims.honest(recall)
    false = claims.begin(recall, [leaves[0]._replace(results=9), *leaves[1:]])
    args = false, claims.placed(false, 0), NOBODY, []
    assert claims.shadow.claim("challengeExcess", *args, sender=claims.anyone)
    assert contract.creditOf(world.regulator.admin) == BOND - BOND // 2


def test_what_shows_nothing_missing(claims: Claims) -> None:
    contract, anyone = claims.shadow.contract, claims.anyone
    recall, ore, process, products = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    ids = [leaf.member for leaf in leaves]
    at = ids.index(process)
    leaf = claims.placed(number, at)
    around = claims.around(number, products[0])

    def refused(error: str, *values: object, **changes: object) -> None:
        given = {"leaf": leaf, "results": products, "place": 0, "around": around} | changes
        with reverts(error, *values):
            contract.challengeMissing(number, *given.values(), sender=anyone)

    refused("NotAbsent", number, products[0])
    refused("NotAbsent", number, products[0], around=[])
    refused("NotAbsent", number, products[0], around=[*around, around[0]])
    ends = [claims.placed(number, 0), claims.placed(number, 4)]
    middle = next(product for product in products if product not in (ids[0], ids[4]))
    refused("NotAbsent", number, middle, place=products.index(middle), around=ends)
    refused("NotAbsent", number, middle, place=products.index(middle), around=ends[:1])
    refused("NotAbsent", number, middle, place=products.index(middle), around=ends[1:])
    forged = claims.placed(number, 1)
    refused("InvalidProof", number, 0, around=[forged._replace(index=0)])
    refused("InvalidProof", number, at, leaf=leaf._replace(leaf=leaf.leaf._replace(results=9)))
    refused("NotCounted", number, process, 3, place=3)
    refused("UnknownList", process, chain(products[:2]), results=products[:2])
    refused("NotCounted", number, process, 2, results=products[:2], place=2)
    source = claims.placed(number, ids.index(ore))
    refused("NotAbsent", number, process, leaf=source, results=[process], around=[])
    with reverts("WrongClaimState", 9, ClaimState.NONE):
        contract.challengeMissing(9, leaf, products, 0, around, sender=anyone)


def test_what_is_a_member_already_need_not_be_named(claims: Claims) -> None:
    contract, making = claims.shadow.contract, claims.making
    recall, ore, process, products = steel(claims)
    making.step(recall, ore)
    leaves = [Leaf(process, 0, 0, 3)]
    number = claims.begin(recall, leaves)
    making.step(recall, process)
    args = number, claims.placed(number, 0), products, 0, claims.around(number, products[0])
    with reverts("NotMissing", number, products[0]):
        contract.challengeMissing(*args, sender=claims.anyone)


def test_what_is_told_after_a_claim_is_not_missing(claims: Claims) -> None:
    contract, making, world = claims.shadow.contract, claims.making, claims.world
    recall, _, process, products = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    at = [leaf.member for leaf in leaves].index(process)
    (late,) = making.add_outputs(process, "late")
    args = number, claims.placed(number, at), [*products, late], 3, claims.around(number, late)
    with reverts("NotCounted", number, process, 3):
        contract.challengeMissing(*args, sender=claims.anyone)
    claims.adopt(number)
    claims.follow(number)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.frontier, facts.size) == (RecallState.OPEN, 1, 5)
    assert world.recalls.uncovered(recall, process)
    assert not world.recalls.uncovered(recall, late)
    making.step(recall, process)
    with reverts("IsCovered", recall, late):
        world.recalls.step(recall, late, [], world.ref(), sender=claims.anyone)
    with reverts("IsCovered", recall, products[0]):
        world.recalls.step(recall, products[0], [], world.ref(), sender=claims.anyone)
    with reverts("NotAbsent", number, products[0]):
        around = claims.around(number, products[0])
        contract.proveUncovered(number, products[0], around, sender=claims.anyone)
    receipt = contract.proveUncovered(number, late, claims.around(number, late), sender=claims.anyone)
    assert happened(receipt) == [("MemberUncovered", {"recall": recall, "member": late, "joins": False})]
    claims.shadow.catch_up()
    with reverts("AlreadyUncovered", recall, late):
        contract.proveUncovered(number, late, claims.around(number, late), sender=claims.anyone)
    making.step(recall, late)
    with reverts("AlreadyStepped", recall, late):
        contract.proveUncovered(number, late, claims.around(number, late), sender=claims.anyone)
    other = lot_id("other")
    with reverts("NotAMember", recall, other):
        contract.proveUncovered(number, other, claims.around(number, other), sender=claims.anyone)
    assert world.recalls.recallOf(recall).state == RecallState.CLOSED
    making.check()


def test_what_is_named_is_not_absent_beside_itself(claims: Claims) -> None:
    recall, *_ = steel(claims)
    number = claims.close(recall)
    leaves = claims.of(number).leaves
    for index, leaf in enumerate(leaves):
        for places in ([index], [index - 1, index], [index, index + 1]):
            if places[0] >= 0 and places[-1] < len(leaves):
                around = [claims.placed(number, place) for place in places]
                with reverts("NotAbsent", number, leaf.member):
                    claims.shadow.contract.proveUncovered(number, leaf.member, around, sender=claims.anyone)


def test_seeds_that_come_after_a_claim_are_stepped(claims: Claims) -> None:
    making, world = claims.making, claims.world
    recall, *_ = steel(claims)
    number = claims.close(recall)
    wood = making.lot("wood")
    _, (planks,) = making.transform("sawing", [wood], ["planks"])
    assert claims.shadow.recall("addLots", recall, [wood], sender=claims.maker)
    while frontier := claims.shadow.recalls.frontier(recall):
        member = min(frontier)
        claims.uncover(number, member)
        making.step(recall, member)
    assert world.recalls.recallOf(recall).state == RecallState.CLOSED
    assert world.recalls.isMember(recall, planks)
    making.check()


def test_a_stranger_is_in_excess(claims: Claims) -> None:
    contract, making, anyone = claims.shadow.contract, claims.making, claims.anyone
    recall, ore, process, products = steel(claims)
    wood = making.lot("wood")
    leaves = claims.honest(recall)
    ids = [leaf.member for leaf in leaves]
    for parent in (ids.index(process), -1):
        false = with_(leaves, Leaf(wood, parent, 2, 0))
        number = claims.begin(recall, false)
        at = [leaf.member for leaf in false].index(wood)
        leaf = claims.placed(number, at)
        parent_leaf = claims.placed(number, false[at].parent)
        receipt = contract.challengeExcess(number, leaf, parent_leaf, products, sender=anyone)
        reward, of = BOND // 2, {"claim": number}
        lost = {"challenger": anyone, "reward": reward, "treasury": TREASURY, "fine": BOND - reward}
        assert happened(receipt) == [
            ("ExcessProven", of | {"member": wood}),
            ("BondLost", of | lost),
        ]
    claims.shadow.catch_up()
    assert contract.creditOf(anyone) == 2 * (BOND // 2)
    # Of the part nothing comes, so nothing is linked to it.
    twin = next(product for product in products if product not in (lot_id("bars"), lot_id("rods")))
    false = with_(leaves, Leaf(wood, ids.index(twin), 3, 0))
    number = claims.begin(recall, false)
    at = [leaf.member for leaf in false].index(wood)
    parent_leaf = claims.placed(number, false[at].parent)
    assert claims.shadow.claim(
        "challengeExcess", number, claims.placed(number, at), parent_leaf, [], sender=anyone
    )
    claims.making.check()


def test_what_shows_no_excess(claims: Claims) -> None:
    contract, anyone = claims.shadow.contract, claims.anyone
    recall, ore, process, products = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    ids = [leaf.member for leaf in leaves]
    bars = claims.placed(number, ids.index(lot_id("bars")))
    parent = claims.placed(number, ids.index(process))
    seed = claims.placed(number, ids.index(ore))

    def refused(error: str, *values: object, **changes: object) -> None:
        given = {"leaf": bars, "parent": parent, "results": products} | changes
        with reverts(error, *values):
            contract.challengeExcess(number, *given.values(), sender=anyone)

    with reverts("NotExcess", number, lot_id("bars")):
        contract.challengeExcess(number, bars, parent, products, sender=anyone)
    refused("NotExcess", number, ore, leaf=seed, parent=NOBODY)
    refused("UnknownList", process, chain(products[1:]), results=products[1:])
    refused("UnknownList", process, bytes(32), results=[])
    refused("InvalidProof", number, seed.index, parent=seed)
    refused("InvalidProof", number, parent.index, parent=parent._replace(leaf=seed.leaf))
    refused("InvalidProof", number, bars.index, leaf=bars._replace(leaf=seed.leaf))
    refused("InvalidProof", number, 5, leaf=bars._replace(index=5))


def test_a_count_of_more_results_than_there_are_is_excess(claims: Claims) -> None:
    """Else something could come of the member later that nobody could have shown to be missing."""
    recall, ore, process, _ = steel(claims)
    leaves = claims.honest(recall)
    for index, leaf in enumerate(leaves):
        false = [*leaves[:index], leaf._replace(results=leaf.results + 1), *leaves[index + 1 :]]
        number = claims.begin(recall, false)
        args = number, claims.placed(number, index), NOBODY, []
        assert claims.shadow.claim("challengeExcess", *args, sender=claims.anyone)
    number = claims.begin(recall, [leaf._replace(results=0) for leaf in leaves])
    for index, leaf in enumerate(leaves):
        parent = claims.placed(number, leaf.parent)
        listed = claims.shadow.claims._results(leaves[leaf.parent].member)
        args = number, claims.placed(number, index), parent, listed
        assert not claims.shadow.claim("challengeExcess", *args, sender=claims.anyone)


def test_two_that_vouch_for_each_other_are_in_excess(claims: Claims) -> None:
    """In a circle each comes of the other, and none of a seed: one of them is not deeper than its parent."""
    making = claims.making
    wood = making.lot("wood")
    sawing, (planks,) = making.transform("sawing", [wood], ["planks"])
    drying, (boards,) = making.transform("drying", [planks], ["boards"])
    making.add_inputs(sawing, boards)
    recall, *_ = steel(claims)
    circle = [sawing, planks, drying, boards]
    leaves = claims.honest(recall)
    for thing in circle:
        leaves = with_(leaves, Leaf(thing, 0, 0, len(claims.shadow.recalls.results(thing))))
    ids = [leaf.member for leaf in leaves]
    for depth, (thing, before) in enumerate(zip(circle, [boards, *circle[:3]], strict=True), 1):
        at = ids.index(thing)
        leaves[at] = leaves[at]._replace(parent=ids.index(before), depth=depth)
    number, refuted = claims.begin(recall, leaves), []
    here = claims.shadow.point()
    for thing, before in zip(circle, [boards, *circle[:3]], strict=True):
        leaf, parent = (claims.placed(number, ids.index(each)) for each in (thing, before))
        args = number, leaf, parent, claims.shadow.recalls.results(before)
        if claims.shadow.claim("challengeExcess", *args, sender=claims.anyone):
            refuted.append(thing)
            claims.shadow.back_to(here)
    assert refuted == [sawing]
    # At the same depth as well, and then no list is needed.
    level = [leaf._replace(depth=1) if leaf.member in circle else leaf for leaf in leaves]
    number = claims.begin(recall, level)
    leaf, parent = (claims.placed(number, ids.index(each)) for each in (planks, sawing))
    assert claims.shadow.claim("challengeExcess", number, leaf, parent, [], sender=claims.anyone)


def test_only_while_it_matters(claims: Claims) -> None:
    """Members of a recall that was lifted are members no more, which says nothing against a claim."""
    contract, making, world = claims.shadow.contract, claims.making, claims.world
    recall, ore, process, products = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    making.lift(recall)
    args = recall, [ore], [], [], world.ref()
    assert claims.shadow.recall("clearMembers", *args, sender=claims.anyone)
    seed = claims.placed(number, [leaf.member for leaf in leaves].index(ore))
    for function, rest in (("challengeExcess", (NOBODY, [])), ("challengeMissing", ([process], 0, []))):
        with reverts("NotClaimable", recall, RecallState.LIFTED, False):
            getattr(contract, function)(number, seed, *rest, sender=claims.anyone)
    world.node.warp(2 * DAY)
    with reverts("WrongRecallState", recall, RecallState.LIFTED):
        contract.adopt(number, sender=claims.anyone)
    assert claims.shadow.claim("end", number, sender=claims.maker)


def test_a_claim_does_not_hide_behind_a_closed_recall(claims: Claims) -> None:
    """A recall that was closed by steps may be opened again, and then the claim is adopted at once."""
    making, world = claims.making, claims.world
    wood = making.lot("wood")
    recall, *_ = steel(claims)
    false = with_(claims.honest(recall), Leaf(wood, -1, 0, 0))
    number = claims.begin(recall, false)
    making.close(recall)
    at = [leaf.member for leaf in false].index(wood)
    args = number, claims.placed(number, at), NOBODY, []
    here = claims.shadow.point()
    assert claims.shadow.claim("challengeExcess", *args, sender=claims.anyone)
    claims.shadow.back_to(here)
    world.node.warp(DAY + 1)
    with reverts("WrongRecallState", recall, RecallState.CLOSED):
        claims.shadow.contract.adopt(number, sender=claims.anyone)
    assert claims.shadow.recall("addLots", recall, [making.lot("coal")], sender=claims.maker)
    assert claims.shadow.claim("challengeExcess", *args, sender=claims.anyone)


def test_nothing_refutes_a_claim_that_is_true_while_its_recall_is_closed(claims: Claims) -> None:
    making, contract = claims.making, claims.shadow.contract
    recall, _, process, products = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    making.close(recall)
    at = [leaf.member for leaf in leaves].index(process)
    args = number, claims.placed(number, at), products, 0, claims.around(number, products[0])
    with reverts("NotMissing", number, products[0]):
        contract.challengeMissing(*args, sender=claims.anyone)
    for index, leaf in enumerate(leaves):
        parent = leaves[leaf.parent].member
        shown = claims.placed(number, index), claims.placed(number, leaf.parent)
        listed = claims.shadow.claims._results(parent)
        with reverts("NotExcess", number, leaf.member):
            contract.challengeExcess(number, *shown, listed, sender=claims.anyone)


def test_a_claim_is_refuted_as_long_as_it_is_not_adopted(claims: Claims) -> None:
    recall, _, process, products = steel(claims)
    leaves = claims.honest(recall)
    ids = [leaf.member for leaf in leaves]
    number = claims.begin(recall, without(leaves, ids.index(products[1])))
    claims.world.node.warp(9 * DAY)
    at = [leaf.member for leaf in claims.of(number).leaves].index(process)
    args = number, claims.placed(number, at), products, 1, claims.around(number, products[1])
    assert claims.shadow.claim("challengeMissing", *args, sender=claims.anyone)


# ------------------------------------------------------------------------------------------ lists and heads


def test_the_beginning_of_a_long_list_is_shown_without_the_rest(claims: Claims) -> None:
    contract, making, anyone = claims.shadow.contract, claims.making, claims.anyone
    recall, _, process, products = steel(claims)
    wood, bars = making.lot("wood"), products[0]
    leaves = claims.honest(recall)
    ids = [leaf.member for leaf in leaves]
    for false, function in (
        (without(leaves, ids.index(bars)), "challengeMissing"),
        (with_(leaves, Leaf(wood, ids.index(process), 2, 0)), "challengeExcess"),
    ):
        here = claims.shadow.point()
        number = claims.begin(recall, false)
        late = making.add_outputs(process, "x", "y", "z")
        assert claims.shadow.claim("note", process, chain([*products, *late[:2]]), late[2:], sender=anyone)
        short = chain(products[:2])
        items = [products[2], *late[:2]]
        machine = Forwarder.deploy(claims.world.node, anyone)
        receipt = contract.note(process, short, items, sender=machine)
        assert happened(receipt) == [("HeadNoted", {"member": process, "head": short})]
        assert claims.shadow.claim("note", process, chain(products), late[:2], sender=anyone)
        claims.shadow.catch_up()
        found = [leaf.member for leaf in false]
        parent = claims.placed(number, found.index(process))
        if function == "challengeMissing":
            args = parent, products[:2], 0, claims.around(number, bars)
        else:
            leaf = claims.placed(number, found.index(wood))
            # A head before all that the parent's leaf counts proves nothing.
            with reverts("UnknownList", process, short):
                contract.challengeExcess(number, leaf, parent, products[:2], sender=anyone)
            args = leaf, parent, products
        assert claims.shadow.claim(function, number, *args, sender=anyone)
        claims.making.check()
        claims.shadow.back_to(here)


def test_heads_that_never_were(claims: Claims) -> None:
    contract, anyone = claims.shadow.contract, claims.anyone
    _, ore, process, products = steel(claims)
    with reverts("UnknownList", process, chain(products[:2])):
        contract.note(process, bytes(32), products[:2], sender=anyone)
    with reverts("UnknownList", process, keccak(b"?" * 32 + products[2])):
        contract.note(process, b"?" * 32, products[2:], sender=anyone)
    with reverts("UnknownList", ore, chain(products)):
        contract.note(ore, bytes(32), products, sender=anyone)
    assert claims.shadow.claim("note", ore, bytes(32), [process], sender=anyone)
    assert not contract.isNoted(process, bytes(32))
    assert contract.isNoted(ore, bytes(32))


# ------------------------------------------------------------------------------------------------ following


def test_what_is_not_adopted_is_not_followed(claims: Claims) -> None:
    contract, anyone = claims.shadow.contract, claims.anyone
    recall, ore, *_ = steel(claims)
    leaves = claims.honest(recall)
    number = claims.begin(recall, leaves)
    with reverts("WrongClaimState", number, ClaimState.COMPLETE):
        contract.follow(number, leaves, [], sender=anyone)
    with reverts("WrongClaimState", number, ClaimState.COMPLETE):
        contract.proveUncovered(number, ore, [], sender=anyone)
    claims.adopt(number)
    with reverts("WrongClaimState", number, ClaimState.ADOPTED):
        contract.adopt(number, sender=anyone)
    with reverts("InvalidProof", number, 0):
        contract.follow(number, [leaves[0]._replace(depth=9), *leaves[1:]], [], sender=anyone)
    claims.making.lift(recall)
    with reverts("WrongRecallState", recall, RecallState.LIFTED):
        contract.follow(number, leaves, [], sender=anyone)


def test_steps_go_on_while_a_claim_waits(claims: Claims) -> None:
    """What was stepped is not done twice; what came of a step and is in the claim is not stepped."""
    making, world = claims.making, claims.world
    recall, ore, process, products = steel(claims)
    number = claims.begin(recall, claims.honest(recall))
    making.step(recall, ore)
    claims.adopt(number)
    with reverts("IsCovered", recall, process):
        args = recall, process, chain(products[:1]), products[1:], world.ref()
        world.recalls.stepProcessPart(*args, sender=claims.anyone)
    claims.follow(number)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.frontier, facts.size) == (RecallState.CLOSED, 0, 5)
    making.check()


def test_what_was_stepped_and_counted_short_is_done(claims: Claims) -> None:
    making, world = claims.making, claims.world
    recall, ore, process, products = steel(claims)
    leaves = [
        leaf._replace(results=0) if leaf.member in (ore, process) else leaf for leaf in claims.honest(recall)
    ]
    number = claims.begin(recall, leaves)
    making.step(recall, ore)
    claims.adopt(number)
    claims.follow(number)
    assert not world.recalls.uncovered(recall, ore)
    assert world.recalls.uncovered(recall, process)
    assert world.recalls.recallOf(recall).frontier == 1
    making.step(recall, process)
    assert world.recalls.recallOf(recall).state == RecallState.CLOSED
    making.check()


def test_a_member_in_the_frontier_that_has_grown_stays_there(claims: Claims) -> None:
    making, world = claims.making, claims.world
    recall, ore, process, _ = steel(claims)
    leaves = [leaf._replace(results=0) if leaf.member == ore else leaf for leaf in claims.honest(recall)]
    number = claims.begin(recall, leaves)
    claims.adopt(number)
    claims.follow(number)
    assert world.recalls.uncovered(recall, ore)
    assert world.recalls.recallOf(recall).frontier == 1
    making.step(recall, ore)
    assert world.recalls.recallOf(recall).state == RecallState.CLOSED
    making.check()


def test_what_is_nothing_is_passed_over(claims: Claims) -> None:
    """A false claim that nobody refuted does not keep the recall from closing."""
    recall, *_ = steel(claims)
    unknown = keccak(text="unknown")
    number = claims.begin(recall, with_(claims.honest(recall), Leaf(unknown, -1, 0, 0)))
    claims.adopt(number)
    claims.follow(number)
    facts = claims.world.recalls.recallOf(recall)
    assert (facts.state, facts.size) == (RecallState.CLOSED, 5)
    assert not claims.world.recalls.isMember(recall, unknown)
    claims.making.check()


def test_a_seed_that_a_claim_leaves_out_keeps_the_recall_open(claims: Claims) -> None:
    making, world = claims.making, claims.world
    recall, ore, process, products = steel(claims)
    seeds = [making.lot("wood"), making.lot("coal")]
    assert claims.shadow.recall("addLots", recall, seeds, sender=claims.maker)
    leaves = [leaf for leaf in claims.honest(recall) if leaf.member in seeds]
    leaves = [leaf._replace(parent=place) for place, leaf in enumerate(leaves)]
    number = claims.begin(recall, leaves)
    claims.adopt(number)
    claims.follow(number)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.frontier) == (RecallState.OPEN, 1)
    for member in (ore, process, *products[:2]):
        claims.uncover(number, member)
        making.step(recall, member)
    assert world.recalls.recallOf(recall).state == RecallState.CLOSED
    making.check()


def test_only_modules_of_recalls_vouch_for_claims(claims: Claims) -> None:
    world, recalls = claims.world, claims.world.recalls
    recall, ore, *_ = steel(claims)
    for function, args in (
        ("adoptClaim", (recall, b"r" * 32, 1)),
        ("followClaim", (recall, [(ore, 0)])),
        ("uncover", (recall, ore)),
    ):
        call = getattr(recalls, function)
        with reverts("MissingRole", world.maker.number, Role.MANUFACTURER, Role.MODULE):
            call(*args, sender=world.maker.recall)
        machine = Forwarder.deploy(world.node, world.maker.recall)
        world.empower(machine, Role.MODULE, Duty.QUALITY)
        with reverts("MissingDuty", machine.address, Duty.QUALITY, Duty.RECALL):
            call(*args, sender=machine)


def test_only_open_recalls_adopt_and_follow(claims: Claims) -> None:
    """Whoever vouches."""
    world, shadow = claims.world, claims.shadow
    recall, ore, process, _ = steel(claims)
    machine = Forwarder.deploy(world.node, claims.anyone)
    world.empower(machine, Role.MODULE, Duty.RECALL)
    shadow.catch_up()
    for state in (RecallState.OPEN, RecallState.CLOSED, RecallState.LIFTED):
        for number in (recall, recall + 1):
            here = shadow.point()
            done = number == recall and state == RecallState.OPEN
            assert shadow.recall("adoptClaim", number, b"r" * 32, 2, sender=machine) == done
            assert not done or not shadow.recall("adoptClaim", number, b"r" * 32, 2, sender=machine)
            assert shadow.recall("followClaim", number, [(ore, 1), (process, 2)], sender=machine) == done
            shadow.back_to(here)
        if state == RecallState.OPEN:
            claims.making.close(recall)
        elif state == RecallState.CLOSED:
            claims.making.lift(recall)


def test_nothing_comes_of_a_twin_whatever_a_claim_says(claims: Claims) -> None:
    world, shadow = claims.world, claims.shadow
    recall, *_ = steel(claims)
    part = claims.making.part("7")
    machine = Forwarder.deploy(world.node, claims.anyone)
    world.empower(machine, Role.MODULE, Duty.RECALL)
    shadow.catch_up()
    before = world.recalls.recallOf(recall).frontier
    assert shadow.recall("adoptClaim", recall, b"r" * 32, 1, sender=machine)
    assert shadow.recall("followClaim", recall, [(part, 1)], sender=machine)
    assert world.recalls.isAffected(recall, part)
    assert world.recalls.recallOf(recall).frontier == before
    assert not world.recalls.uncovered(recall, part)
