// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {ILineage} from "../interfaces/ILineage.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecalls} from "../interfaces/IRecalls.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";

/// @title RecallLedger
/// @notice See {IRecalls}: the half that keeps recalls, hears consignees and answers questions.
abstract contract RecallLedger is IRecalls, Module {
    /// @inheritdoc IRecalls
    ILineage public immutable LINEAGE;

    /// @inheritdoc IRecalls
    ILots public immutable LOTS;

    /// @inheritdoc IRecalls
    ITwins public immutable TWINS;

    /// @inheritdoc IRecalls
    uint32 public recallCount;

    mapping(uint32 recall => Recall) internal _recalls;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => bytes32) public closureOf;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => mapping(bytes32 member => bool)) public stepped;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => mapping(bytes32 member => bytes32)) public leftOf;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => mapping(bytes32 member => bool)) public uncovered;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => mapping(bytes32 twin => bool)) public isAffected;

    /// @inheritdoc IRecalls
    mapping(uint32 recall => mapping(bytes32 lot => bytes32)) public serialsOf;

    mapping(uint32 recall => mapping(bytes32 lot => mapping(uint32 org => Consignee))) private _consignees;

    constructor(ILineage lineage) {
        LINEAGE = lineage;
        LOTS = lineage.LOTS();
        TWINS = lineage.TWINS();
    }

    // --------------------------------------------------------------------------------------------- consignees

    /// @inheritdoc IRecalls
    function notify(uint32 recall, bytes32 lot, uint32 consignee, uint96 quantity) external {
        (Recall storage r,,) = _authorizeRecall(recall);
        if (!LOTS.isRecalled(lot, recall) && serialsOf[recall][lot] == 0) revert NotAMember(recall, lot);
        Consignee storage c = _consignees[recall][lot][consignee];
        if (c.notified != 0 || quantity == 0) revert WrongConsignee(recall, lot, consignee, quantity);
        c.notified = quantity;
        ++r.consignees;
        emit ConsigneeNotified(recall, lot, consignee, msg.sender, quantity);
    }

    /// @inheritdoc IRecalls
    function acknowledge(uint32 recall, bytes32 lot, uint96 received) external {
        (Consignee storage c, uint32 org) = _authorizeConsignee(recall, lot);
        uint256 accounted = _accounted(c);
        if (accounted > received) revert MoreThanReceived(recall, lot, accounted, received);
        Recall storage r = _recalls[recall];
        bool before = c.answered != 0 && accounted == c.received;
        if (c.answered == 0) {
            c.answered = uint40(block.timestamp);
            ++r.acknowledged;
        }
        c.received = received;
        _count(r, before, accounted == received);
        emit ConsigneeAnswered(recall, lot, org, msg.sender, received, uint40(block.timestamp));
    }

    /// @inheritdoc IRecalls
    function reconcile(
        uint32 recall,
        bytes32 lot,
        uint96 returned,
        uint96 destroyed,
        uint96 sold,
        EventRef calldata ref
    ) external {
        (Consignee storage c, uint32 org) = _authorizeConsignee(recall, lot);
        EventStamp.checkPast(ref.stamp);
        if (c.answered == 0) revert NotAnswered(recall, lot, org);
        bool before = _accounted(c) == c.received;
        (c.returned, c.destroyed, c.sold) = (returned, destroyed, sold);
        uint256 accounted = _accounted(c);
        if (accounted > c.received) revert MoreThanReceived(recall, lot, accounted, c.received);
        _count(_recalls[recall], before, accounted == c.received);
        emit Reconciled(recall, lot, org, msg.sender, returned, destroyed, sold, ref);
    }

    /// @dev Keeps the number of consignees that have accounted for all.
    function _count(Recall storage r, bool before, bool now_) private {
        if (before && !now_) --r.reconciled;
        if (!before && now_) ++r.reconciled;
    }

    function _accounted(Consignee storage c) private view returns (uint256) {
        return uint256(c.returned) + c.destroyed + c.sold;
    }

    function _authorizeConsignee(uint32 recall, bytes32 lot) private view returns (Consignee storage c, uint32 org) {
        org = _authorize(Duty.RECALL);
        c = _consignees[recall][lot][org];
        if (c.notified == 0) revert WrongConsignee(recall, lot, org, 0);
    }

    // ----------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IRecalls
    function recallOf(uint32 recall) external view returns (Recall memory) {
        return _recalls[recall];
    }

    /// @inheritdoc IRecalls
    function consigneeOf(uint32 recall, bytes32 lot, uint32 org) external view returns (Consignee memory) {
        return _consignees[recall][lot][org];
    }

    /// @inheritdoc IRecalls
    function isMember(uint32 recall, bytes32 id) public view returns (bool) {
        return LOTS.isRecalled(id, recall) || LINEAGE.isRecalled(id, recall) || isAffected[recall][id];
    }

    /// @inheritdoc IRecalls
    function isUnitRecalled(uint32 recall, bytes32 lot, uint32 index, bytes32 unit, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        if (LOTS.isRecalled(lot, recall) || isAffected[recall][unit]) return true;
        if (_recalls[recall].state == RecallState.LIFTED) return false;
        bytes32 leaf = MerkleLeaves.serial(index, unit);
        return MerkleProof.verifyCalldata(proof, serialsOf[recall][lot], leaf, MerkleLeaves.node);
    }

    /// @inheritdoc IRecalls
    function notAffected(uint32 recall, ILineage.Ancestor[] calldata ancestors) external view returns (bool) {
        bool lifted = _recalls[recall].state == RecallState.LIFTED;
        for (uint256 i; i < ancestors.length; ++i) {
            bytes32 product = ancestors[i].product;
            // Which of the lot's units went into something is not known, so any of them may be recalled ones.
            if (serialsOf[recall][product] != 0 && !lifted) return false;
            bool member = LOTS.isRecalled(product, recall) || isAffected[recall][product]
                || LINEAGE.isRecalled(LINEAGE.originOf(product), recall);
            if (member) return false;
        }
        return LINEAGE.ancestorsComplete(ancestors);
    }

    /// @inheritdoc IRecalls
    function reasonOf(uint32 recall) public pure returns (bytes32) {
        return bytes32("RECALL") | bytes32(uint256(recall));
    }

    function _known(uint32 recall) internal view returns (Recall storage r) {
        r = _recalls[recall];
        if (r.state == RecallState.NONE) revert UnknownRecall(recall);
    }

    function _authorizeRecall(uint32 recall) internal view returns (Recall storage r, uint32 org, bool regulator) {
        org = _authorize(Duty.RECALL);
        r = _known(recall);
        regulator = CONSORTIUM.hasRole(org, Role.REGULATOR);
        if (org != r.org && !regulator) revert MayNotRecall(recall, org);
    }
}
