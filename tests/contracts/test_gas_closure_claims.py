"""What closing a recall by a claim costs on a real node: per member, and to refute it, however many
there are.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.contracts.test_gas_recalls import commission, opened, transform
from tests.models.claim_shadow import TREASURY, branch_proof, listed
from tests.models.closure_claims import Leaf, Placed, tree_over
from tests.models.trees import Tree, serials
from tests.support import AnvilNode, Receipt
from tests.support.gas import GasBook
from tests.support.world import BOND, DAY, Commission, Registration, World, lot_uri, twin_id, uri

BATCH = 64
MILLION = 20
"""Levels of a tree over a million members."""


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    world = World.create(anvil)
    for account in (world.maker.recall, world.stranger, TREASURY):
        anvil.set_balance(account, 10**20)
    world.token.mint(world.maker.recall, 9 * BOND, sender=world.maker.recall)
    world.token.approve(world.closure_claims, 9 * BOND, sender=world.maker.recall)
    return world


class Made(NamedTuple):
    """A recall of a lot that went into one process, and a true list of its members."""

    recall: int
    lot: bytes
    process: bytes
    products: list[bytes]
    leaves: list[Leaf]


def made(world: World, outputs: int) -> Made:
    lot = commission(world, f"lot {outputs}")
    process, products = transform(world, f"process {outputs}", [lot], min(outputs, 50))
    recall = opened(world, lot)
    depths = {lot: 0, process: 1} | dict.fromkeys(products, 2)
    parents = {lot: lot, process: lot} | dict.fromkeys(products, process)
    results = {lot: 1, process: len(products)} | dict.fromkeys(products, 0)
    return Made(recall, lot, process, products, listed(depths, parents, results))


def padded(leaves: list[Leaf], size: int) -> list[Leaf]:
    """The list with as many strangers behind it as it takes."""
    more = [Leaf(b"\xff" * 28 + place.to_bytes(4, "big"), 0, 9, 0) for place in range(size - len(leaves))]
    return [*leaves, *more]


def begun(world: World, made: Made, leaves: list[Leaf]) -> tuple[int, list[int]]:
    """A claim and what publishing each of its batches cost."""
    claims, maker = world.closure_claims, world.maker.recall
    claims.claim(made.recall, len(leaves), sender=maker)
    number, costs = claims.claimCount(), []
    for start in range(0, len(leaves), BATCH):
        costs.append(claims.publish(number, leaves[start : start + BATCH], sender=maker).gas_used)
    return number, costs


def at(leaves: list[Leaf], tree: Tree, member: bytes) -> Placed:
    index = [leaf.member for leaf in leaves].index(member)
    return Placed(index, leaves[index], tree.proof(index))


def rewarded(world: World, receipt: Receipt) -> int:
    """What it cost; the credits are taken out, so that the next one fills empty slots again."""
    for account in (world.stranger, TREASURY):
        world.closure_claims.withdrawCredit(sender=account)
    return receipt.gas_used


def test_beginning_and_adopting(world: World, gas: GasBook) -> None:
    claims, maker, found = world.closure_claims, world.maker.recall, made(world, 50)
    claims.claim(found.recall, 1, sender=maker)
    receipt = claims.claim(found.recall, 52, sender=maker)
    gas.record("ClosureClaims.claim", receipt.gas_used, 114_500)
    receipt = claims.publish(2, found.leaves, sender=maker)
    gas.record("ClosureClaims.publish, each of 52", -(-receipt.gas_used // 52), 5_900)
    world.node.warp(DAY + 1)
    gas.record("ClosureClaims.adopt", claims.adopt(2, sender=world.stranger).gas_used, 99_500)
    receipt = claims.follow(2, found.leaves, [], sender=world.stranger)
    gas.record("ClosureClaims.follow, each of 52", -(-receipt.gas_used // 52), 19_200)
    assert world.recalls.recallOf(found.recall).state == 2
    receipt = claims.end(1, sender=maker)
    gas.record("ClosureClaims.end", receipt.gas_used, 36_000)
    receipt = claims.withdrawCredit(sender=maker)
    gas.record("ClosureClaims.withdrawCredit", receipt.gas_used, 36_000)


def test_a_full_batch(world: World, gas: GasBook) -> None:
    """Of a long claim each batch is one transaction. Most of the leaves are strangers, which are cheaper to
    follow than members and cost as much to publish.
    """
    found = made(world, 50)
    leaves = padded(found.leaves, 4 * BATCH)
    number, costs = begun(world, found, leaves)
    gas.record("ClosureClaims.publish, each of 64", -(-max(costs) // BATCH), 5_600)
    world.node.warp(DAY + 1)
    world.closure_claims.adopt(number, sender=world.stranger)
    receipt = world.closure_claims.follow(
        number, leaves[:BATCH], branch_proof(leaves, 0), sender=world.stranger
    )
    assert receipt.ok


def test_a_batch_of_twins_fits_into_a_transaction(world: World, gas: GasBook) -> None:
    """Each of them is held, which is a step of its own history."""
    claims, maker = world.closure_claims, world.maker
    tree = serials(twin_id(uri(f"{index}")) for index in range(BATCH))
    goods = Commission(lot_uri("units"), quantity=BATCH * 10**6, serials_root=tree.root, serial_count=BATCH)
    lot, units = world.commission(goods), [twin_id(uri(f"{index}")) for index in range(BATCH)]
    for index in range(BATCH):
        args = goods.uri, index, Registration(uri(f"{index}")), tree.proof(index), world.ref()
        world.lots.materialise(*args, sender=maker.register)
    recall = opened(world, lot)
    things = sorted([lot, *units])
    leaves = [Leaf(thing, things.index(lot), int(thing != lot), BATCH * (thing == lot)) for thing in things]
    number, _ = begun(world, Made(recall, lot, lot, units, leaves), leaves)
    world.node.warp(DAY + 1)
    claims.adopt(number, sender=world.stranger)
    receipt = claims.follow(number, leaves[:BATCH], branch_proof(leaves, 0), sender=world.stranger)
    gas.record("ClosureClaims.follow, 64 twins", receipt.gas_used, 5_900_000)


def test_refuting_grows_by_a_constant_with_each_level(world: World, gas: GasBook) -> None:
    """A claim of a million members has 20 levels: what that costs follows from two that were measured."""
    claims, anyone = world.closure_claims, world.stranger
    found = made(world, 50)
    missing, stranger = found.products[0], b"\xff" * 28 + bytes(4)
    costs: dict[str, dict[int, int]] = {"missing": {}, "excess": {}}
    for levels in (8, 11):
        leaves = padded(found.leaves, 1 << levels)
        tree, (number, _) = tree_over(leaves), begun(world, found, leaves)
        args = at(leaves, tree, stranger), at(leaves, tree, found.leaves[leaves[-1].parent].member), []
        costs["excess"][levels] = rewarded(world, claims.challengeExcess(number, *args, sender=anyone))
        false = padded([leaf for leaf in found.leaves if leaf.member != missing], 1 << levels)
        tree, (number, _) = tree_over(false), begun(world, found, false)
        behind = sum(leaf.member < missing for leaf in false)
        around = [
            Placed(place, false[place], tree.proof(place)) for place in (behind - 1, behind) if place >= 0
        ]
        args = at(false, tree, found.process), found.products, 0, around
        costs["missing"][levels] = rewarded(world, claims.challengeMissing(number, *args, sender=anyone))
    for name, ceiling, each_level in (("missing", 233_500, 2_500), ("excess", 158_500, 1_700)):
        lower, upper = costs[name][8], costs[name][11]
        slope = -(-(upper - lower) // 3)
        function = f"ClosureClaims.challenge{name.title()}"
        gas.record(f"{function}, each level of the tree", slope, each_level)
        gas.record(f"{function}, among 1,000,000", upper + (MILLION - 11) * slope, ceiling, "50 results")


def test_noting_and_uncovering(world: World, gas: GasBook) -> None:
    claims, anyone, found = world.closure_claims, world.stranger, made(world, 50)
    receipt = claims.note(found.process, bytes(32), found.products, sender=anyone)
    gas.record("ClosureClaims.note, 50 results", receipt.gas_used, 107_500)
    number, _ = begun(world, found, found.leaves)
    world.node.warp(DAY + 1)
    claims.adopt(number, sender=anyone)
    claims.follow(number, found.leaves, [], sender=anyone)
    late = commission(world, "late")
    world.recalls.addLots(found.recall, [late], sender=world.maker.recall)
    behind = sum(leaf.member < late for leaf in found.leaves)
    tree = tree_over(found.leaves)
    around = [
        Placed(place, found.leaves[place], tree.proof(place))
        for place in (behind - 1, behind)
        if 0 <= place < len(found.leaves)
    ]
    receipt = claims.proveUncovered(number, late, around, sender=anyone)
    gas.record("ClosureClaims.proveUncovered, among 52", receipt.gas_used, 90_500)
