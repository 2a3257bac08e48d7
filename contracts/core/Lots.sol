// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILots} from "../interfaces/ILots.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Ids} from "../libraries/Ids.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {LotLedger} from "./LotLedger.sol";

/// @title Lots
/// @notice See {ILots}: the half that ends units, and packs them into containers by one root.
contract Lots is LotLedger {
    using BitMaps for BitMaps.BitMap;

    bytes4 private constant DUPLICATE = bytes4(keccak256("DUPLICATE"));
    uint8 private constant CRITICAL = 3;

    /// @dev Characters of a GS1 Digital Link up to and with the GTIN: https://id.gs1.org/01/ and 14 digits.
    uint256 private constant GTIN_LINK = 36;

    /// @dev Endings in a word: 80 bits each, so that who ends a unit again can be told who did before, and when.
    uint256 private constant ENDINGS = 3;
    uint256 private constant ENDING_BITS = 80;

    /// @inheritdoc ILots
    ITwins public immutable TWINS;

    mapping(bytes32 lot => mapping(uint256 word => uint256)) private _endings;

    /// @inheritdoc ILots
    mapping(bytes32 twin => bytes32) public lotOfUnit;

    mapping(bytes32 container => Contents) private _contents;
    mapping(bytes32 container => mapping(uint32 edition => BitMaps.BitMap)) private _taken;

    /// @inheritdoc ILots
    mapping(bytes32 lot => mapping(bytes32 container => uint96)) public quantityIn;

    constructor(IConsortium consortium, ITwins twins) Module("Goldthread Lots", consortium) {
        TWINS = twins;
    }

    // ------------------------------------------------------------------------------------------------- units

    /// @inheritdoc ILots
    function endOfLife(bytes32 lot, uint32[] calldata indexes, UnitEnd end, EventRef calldata ref) external {
        if (indexes.length == 0) revert NothingNamed();
        uint32 org = _authorizeAt(Duty.REGISTER, ref);
        uint32 count = _known(lot).serialCount;
        _checkEnd(lot, end);
        _take(lot, org, uint96(indexes.length) * ONE);
        for (uint256 i; i < indexes.length; ++i) {
            _end(lot, indexes[i], count, org, end);
        }
        emit UnitsEnded(lot, org, msg.sender, indexes, end, uint40(block.timestamp), ref);
    }

    /// @inheritdoc ILots
    function endQuantity(bytes32 lot, uint96 quantity, UnitEnd end, EventRef calldata ref) external {
        uint32 org = _authorizeAt(Duty.REGISTER, ref);
        if (_known(lot).serialCount != 0) revert HasSerials(lot);
        _checkEnd(lot, end);
        _take(lot, org, quantity);
        emit QuantityEnded(lot, org, msg.sender, quantity, end, ref);
    }

    /// @inheritdoc ILots
    function materialise(
        string calldata lotUri,
        uint32 index,
        ITwins.Registration calldata unit,
        bytes32[] calldata proof,
        EventRef calldata ref
    ) external returns (bytes32 twin) {
        uint32 org = _authorizeAt(Duty.REGISTER, ref);
        bytes32 lot = Ids.idOf(lotUri);
        Lot storage l = _known(lot);
        _checkFree(lot);
        _checkClass(lotUri, unit.uri);
        twin = Ids.idOf(unit.uri);
        _checkProof(serialsRootOf[lot], MerkleLeaves.serial(index, twin), proof);
        lotOfUnit[twin] = lot;
        _use(lot, org, ONE, twin);
        uint32[] memory indexes = new uint32[](1);
        indexes[0] = index;
        _end(lot, index, l.serialCount, org, UnitEnd.MATERIALISED);
        emit UnitsEnded(lot, org, msg.sender, indexes, UnitEnd.MATERIALISED, uint40(block.timestamp), ref);
        TWINS.registerFor(unit, l.maker, org, ref);
    }

    /// @dev What is held or recalled reaches nobody, nor what has expired.
    function _checkEnd(bytes32 lot, UnitEnd end) private view {
        if (end == UnitEnd.NONE || end == UnitEnd.MATERIALISED) revert WrongEnd(lot, end);
        Cause cause = _cause(lot);
        bool gone = end == UnitEnd.DESTROYED || end == UnitEnd.STOLEN;
        if (!gone && cause != Cause.NONE && !(cause == Cause.EXPIRED && end == UnitEnd.DECOMMISSIONED)) {
            revert Blocked(lot, cause);
        }
    }

    /// @dev Writes how a unit ended, once.
    function _end(bytes32 lot, uint32 index, uint32 count, uint32 org, UnitEnd end) private {
        if (index >= count) revert UnknownUnit(lot, index);
        (uint256 word, uint256 shift) = _endingAt(index);
        uint256 endings = _endings[lot][word];
        Ending memory e = _unpackEnding(endings >> shift);
        if (e.end != UnitEnd.NONE) revert UnitEnded(lot, index, e.org, e.time, e.end);
        _endings[lot][word] =
            endings | (uint256(org) << 48 | uint256(uint40(block.timestamp)) << 8 | uint8(end)) << shift;
    }

    function _endingAt(uint32 index) private pure returns (uint256 word, uint256 shift) {
        return (index / ENDINGS, index % ENDINGS * ENDING_BITS);
    }

    function _unpackEnding(uint256 word) private pure returns (Ending memory) {
        return Ending({org: uint32(word >> 48), time: uint40(word >> 8), end: UnitEnd(uint8(word))});
    }

    /// @dev A unit's URI has the GTIN of its lot's, or the same authority. That of GS1 is everybody's.
    function _checkClass(string calldata lotUri, string calldata unitUri) private pure {
        (bytes calldata a, bytes calldata b) = (bytes(lotUri), bytes(unitUri));
        bool gtin = bytes22(a) == "https://id.gs1.org/01/";
        uint256 length = gtin ? GTIN_LINK : Ids.authorityLength(a);
        bool same = b.length > length && a.length > length && keccak256(a[:length]) == keccak256(b[:length])
            && (gtin || bytes19(a) != "https://id.gs1.org/");
        if (!same) revert WrongClass(lotUri, unitUri);
    }

    // ----------------------------------------------------------------------------------------------- packing

    /// @inheritdoc ILots
    // slither-disable-next-line reentrancy-no-eth: Twins is our own and calls nobody back
    function packCommitted(bytes32 container, bytes32 root, Part[] calldata parts, EventRef calldata ref) external {
        if (parts.length == 0 || root == 0) revert NothingNamed();
        uint32 org = _authorize(Duty.SHIP);
        Contents storage c = _contents[container];
        if (c.lots != 0) revert AlreadyCommitted(container, c.root);
        _open(c, root, org);
        TWINS.noteContents(container, org, root, 1, 0, ref);
        emit ContentsCommitted(container, org, root, msg.sender, c.edition, ref);
        for (uint256 i; i < parts.length; ++i) {
            (bytes32 lot, uint96 quantity) = (parts[i].lot, parts[i].quantity);
            _checkFree(lot);
            _take(lot, org, quantity);
            _addTo(container, lot, quantity);
            emit QuantityPacked(lot, org, container, quantity);
        }
    }

    /// @inheritdoc ILots
    // slither-disable-next-line reentrancy-no-eth: Twins is our own and calls nobody back
    function unpackCommitted(
        bytes32 container,
        Leaf calldata leaf,
        bytes32[] calldata proof,
        ITwins.Registration calldata item,
        EventRef calldata ref
    ) external {
        uint32 org = _authorize(Duty.SHIP);
        Contents storage c = _contents[container];
        if (c.lots == 0) revert NotCommitted(container);
        if (c.duplicated) revert Duplicated(container);
        bytes32 hash = _hash(leaf);
        _checkProof(c.root, hash, proof);
        BitMaps.BitMap storage taken = _taken[container][c.edition];
        if (taken.get(leaf.index)) revert LeafTaken(container, leaf.index);
        taken.set(leaf.index);
        _removeFrom(container, leaf.lot, leaf.quantity);
        TWINS.noteContents(container, org, hash, 0, c.lots == 0 ? 1 : 0, ref);
        uint32 edition;
        if (leaf.childRoot == 0) _give(leaf.lot, org, leaf.quantity);
        else edition = _openInner(leaf, hash, c.packer, org, item, ref);
        emit LeafUnpacked(container, org, leaf.child, msg.sender, leaf, edition, ref);
    }

    /// @dev An inner container becomes a twin, if it is none yet, with the contents that the outer one's packer committed
    /// to. One with several lots comes leaf by leaf.
    // slither-disable-next-line reentrancy-no-eth: Twins is our own and calls nobody back
    function _openInner(
        Leaf calldata leaf,
        bytes32 hash,
        uint32 packer,
        uint32 org,
        ITwins.Registration calldata item,
        EventRef calldata ref
    ) private returns (uint32 edition) {
        Contents storage inner = _contents[leaf.child];
        if (TWINS.ownerOf(leaf.child) == 0) {
            if (Ids.idOf(item.uri) != leaf.child || item.kind != ITwins.Kind.CONTAINER) {
                revert WrongUri(leaf.child, item.uri);
            }
            CONSORTIUM.requireNamespace(packer, Ids.namespaceOf(item.uri, item.prefixLength));
            TWINS.registerFor(item, packer, org, ref);
        }
        bool empty = inner.lots == 0;
        if (empty) _open(inner, leaf.childRoot, packer);
        else if (inner.root != leaf.childRoot) revert AlreadyCommitted(leaf.child, inner.root);
        // Also what joins other lots is a step: who has the inner container on offer adds nothing to it. Its note is the
        // outer leaf, which no leaf inside can be taken for.
        TWINS.noteContents(leaf.child, org, empty ? leaf.childRoot : hash, empty ? 1 : 0, 0, ref);
        _addTo(leaf.child, leaf.lot, leaf.quantity);
        return inner.edition;
    }

    /// @inheritdoc ILots
    function proveDuplicate(bytes32 container, Step[] calldata path, bytes32 other, Step[] calldata otherPath)
        external
    {
        Leaf calldata a = _checkInside(container, path);
        Leaf calldata b = _checkInside(other, otherPath);
        bool unit = a.childRoot == 0 && b.childRoot == 0 && a.child != a.lot;
        // Two ways to one leaf differ nowhere: the same container, and the same leaf on each level.
        bool one = container == other && _hashPath(path) == _hashPath(otherPath);
        if (!unit || a.child != b.child || a.lot != b.lot || one) revert NotADuplicate(a.child, b.child);
        (uint32 packer, uint32 otherPacker) = (_suspect(container), _suspect(other));
        emit DuplicateProven(a.child, container, other, packer, otherPacker, msg.sender);
    }

    /// @inheritdoc ILots
    function holdDuplicated(bytes32 container, EventRef calldata ref) external {
        Contents storage c = _contents[container];
        if (!c.duplicated) revert NotDuplicated(container);
        emit Alert(container, DUPLICATE, c.packer, CRITICAL, c.root);
        TWINS.hold(container, DUPLICATE, ref);
    }

    /// @inheritdoc ILots
    function settleDuplicate(bytes32 container, bytes32 reason, EventRef calldata ref) external {
        uint32 org = CONSORTIUM.authorize(msg.sender, Role.REGULATOR, Duty.QUALITY);
        if (!_contents[container].duplicated) revert NotDuplicated(container);
        (_contents[container].duplicated, _contents[container].settled) = (false, true);
        emit DuplicateSettled(container, org, reason, msg.sender);
        (uint32 self,) = CONSORTIUM.accountOf(address(this));
        if (TWINS.held(container, self, DUPLICATE)) TWINS.release(container, self, DUPLICATE, ref);
    }

    function _open(Contents storage c, bytes32 root, uint32 packer) private {
        (c.root, c.packer, c.edition, c.settled) = (root, packer, c.edition + 1, false);
    }

    function _addTo(bytes32 container, bytes32 lot, uint96 quantity) private {
        if (quantityIn[lot][container] == 0) ++_contents[container].lots;
        quantityIn[lot][container] += quantity;
    }

    function _removeFrom(bytes32 container, bytes32 lot, uint96 quantity) private {
        if (quantity == 0) revert ZeroQuantity(lot);
        uint96 inside = quantityIn[lot][container];
        if (inside < quantity) revert InsufficientQuantity(lot, quantity, inside);
        quantityIn[lot][container] = inside - quantity;
        if (inside == quantity) --_contents[container].lots;
    }

    /// @dev Keeps the contents where they are.
    function _suspect(bytes32 container) private returns (uint32 packer) {
        Contents storage c = _contents[container];
        packer = c.packer;
        if (!c.settled) c.duplicated = true;
    }

    function _checkInside(bytes32 container, Step[] calldata path) private view returns (Leaf calldata leaf) {
        bool inside;
        (inside, leaf) = _walk(container, path);
        if (!inside) revert InvalidProof(_contents[container].root, _hash(leaf));
    }

    /// @dev The way to a thing goes through the leaves of its lot: a case with two lots is two leaves with one root, and
    /// what was taken out with one of them is not inside by the other.
    /// @return inside True if the way leads from the container to the last leaf, and nothing on it was taken out.
    function _walk(bytes32 container, Step[] calldata path) private view returns (bool inside, Leaf calldata leaf) {
        if (path.length == 0) revert NothingNamed();
        Step calldata step = path[0];
        leaf = step.leaf;
        bytes32 lot = leaf.lot;
        Contents storage c = _contents[container];
        // A packer that never had any of it could write anything into a tree.
        if (leaf.quantity == 0 || quantityIn[lot][container] < leaf.quantity) return (false, leaf);
        if (_taken[container][c.edition].get(leaf.index)) return (false, leaf);
        bytes32 root = c.root;
        for (uint256 i = 1;; ++i) {
            if (leaf.lot != lot || !_verify(root, _hash(leaf), step.proof)) return (false, leaf);
            if (i == path.length) return (true, leaf);
            root = leaf.childRoot;
            step = path[i];
            leaf = step.leaf;
        }
    }

    // ----------------------------------------------------------------------------------------------- reading

    /// @inheritdoc ILots
    function endingOf(bytes32 lot, uint32 index) public view returns (Ending memory) {
        (uint256 word, uint256 shift) = _endingAt(index);
        return _unpackEnding(_endings[lot][word] >> shift);
    }

    /// @inheritdoc ILots
    function contentsOf(bytes32 container) external view returns (Contents memory) {
        return _contents[container];
    }

    /// @inheritdoc ILots
    function isTaken(bytes32 container, uint32 index) external view returns (bool) {
        return _taken[container][_contents[container].edition].get(index);
    }

    /// @inheritdoc ILots
    function clearUnit(bytes32 lot, uint32 index) external view returns (bool ok, Cause cause) {
        if (index >= _lots[lot].serialCount) cause = Cause.UNKNOWN;
        else cause = endingOf(lot, index).end == UnitEnd.NONE ? _cause(lot) : Cause.ENDED;
        ok = cause == Cause.NONE;
    }

    /// @inheritdoc ILots
    function isUnit(bytes32 lot, uint32 index, bytes32 unit, bytes32[] calldata proof) external view returns (bool) {
        return index < _lots[lot].serialCount && _verify(serialsRootOf[lot], MerkleLeaves.serial(index, unit), proof);
    }

    /// @inheritdoc ILots
    function isInside(bytes32 container, Step[] calldata path) external view returns (bool inside) {
        (inside,) = _walk(container, path);
    }

    function _hash(Leaf calldata leaf) private pure returns (bytes32) {
        return MerkleLeaves.content(leaf.index, leaf.child, leaf.childRoot, leaf.lot, leaf.quantity);
    }

    function _hashPath(Step[] calldata path) private pure returns (bytes32 hash) {
        for (uint256 i; i < path.length; ++i) {
            hash = keccak256(abi.encode(hash, path[i].leaf));
        }
    }

    function _checkProof(bytes32 root, bytes32 leaf, bytes32[] calldata proof) private view {
        if (!_verify(root, leaf, proof)) revert InvalidProof(root, leaf);
    }

    function _verify(bytes32 root, bytes32 leaf, bytes32[] calldata proof) private view returns (bool) {
        return MerkleProof.verifyCalldata(proof, root, leaf, MerkleLeaves.node);
    }
}
