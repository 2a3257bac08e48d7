// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDeliveryExceptions} from "../interfaces/IDeliveryExceptions.sol";
import {EventRef} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Duty} from "../libraries/Membership.sol";

/// @title DeliveryExceptions
/// @notice See {IDeliveryExceptions}.
contract DeliveryExceptions is IDeliveryExceptions, Module {
    /// @inheritdoc IDeliveryExceptions
    uint256 public caseCount;

    mapping(uint256 id => Case) private _cases;

    /// @inheritdoc IDeliveryExceptions
    mapping(uint256 id => bytes32) public subjectOf;

    constructor(IConsortium consortium) Module("Goldthread DeliveryExceptions", consortium) {}

    /// @inheritdoc IDeliveryExceptions
    function raise(
        bytes32 subject,
        uint32 counterparty,
        Kind kind,
        uint96 quantity,
        Resolution requested,
        bytes32 record,
        EventRef calldata ref
    ) external returns (uint256 id) {
        uint32 org = _authorize(Duty.RECEIVE);
        EventStamp.checkPast(ref.stamp);
        bool counted = kind == Kind.MISSING_PRODUCT || kind == Kind.OVERAGE || kind == Kind.UNDERAGE;
        bool incomplete = kind == Kind.NONE || requested == Resolution.NONE || (counted && quantity == 0);
        if (incomplete || counterparty == 0 || counterparty == org) {
            revert IncompleteCase(kind, requested, counterparty, quantity);
        }
        id = ++caseCount;
        _cases[id] = Case(org, counterparty, kind, CaseState.OPEN, requested, quantity);
        subjectOf[id] = subject;
        emit ExceptionRaised(id, subject, org, counterparty, msg.sender, kind, quantity, requested, record, ref);
    }

    /// @inheritdoc IDeliveryExceptions
    function accept(uint256 id, bytes32 record) external {
        Case storage c = _deliverer(id);
        _move(id, c, c.counterparty, CaseState.AGREED, c.resolution, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function reject(uint256 id, bytes32 record) external {
        Case storage c = _deliverer(id);
        _move(id, c, c.counterparty, CaseState.REJECTED, c.resolution, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function counter(uint256 id, Resolution alternative, bytes32 record) external {
        Case storage c = _deliverer(id);
        _move(id, c, c.counterparty, CaseState.COUNTERED, alternative, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function agree(uint256 id, bytes32 record) external {
        Case storage c = _receiver(id);
        if (c.state != CaseState.COUNTERED) revert WrongCaseState(id, c.state);
        _move(id, c, c.org, CaseState.AGREED, c.resolution, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function insist(uint256 id, Resolution requested, bytes32 record) external {
        Case storage c = _receiver(id);
        if (c.state != CaseState.COUNTERED && c.state != CaseState.REJECTED) revert WrongCaseState(id, c.state);
        _move(id, c, c.org, CaseState.OPEN, requested, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function resolve(uint256 id, bytes32 record) external {
        Case storage c = _receiver(id);
        if (c.state != CaseState.AGREED) revert WrongCaseState(id, c.state);
        _move(id, c, c.org, CaseState.RESOLVED, c.resolution, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function withdraw(uint256 id, bytes32 record) external {
        Case storage c = _receiver(id);
        if (c.state == CaseState.RESOLVED || c.state == CaseState.WITHDRAWN) revert WrongCaseState(id, c.state);
        _move(id, c, c.org, CaseState.WITHDRAWN, c.resolution, record);
    }

    /// @inheritdoc IDeliveryExceptions
    function caseOf(uint256 id) external view returns (Case memory) {
        return _cases[id];
    }

    function _move(uint256 id, Case storage c, uint32 org, CaseState state, Resolution resolution, bytes32 record)
        private
    {
        if (resolution == Resolution.NONE) revert IncompleteCase(c.kind, resolution, c.counterparty, c.quantity);
        (c.state, c.resolution) = (state, resolution);
        emit ExceptionMoved(id, subjectOf[id], org, msg.sender, state, resolution, record);
    }

    /// @dev An open case of which the caller's organisation is the deliverer.
    function _deliverer(uint256 id) private view returns (Case storage c) {
        uint32 org = _authorize(Duty.SHIP);
        c = _known(id);
        if (org != c.counterparty) revert NotYourTurn(id, org, c.counterparty);
        if (c.state != CaseState.OPEN) revert WrongCaseState(id, c.state);
    }

    /// @dev A case of which the caller's organisation is the receiver.
    function _receiver(uint256 id) private view returns (Case storage c) {
        uint32 org = _authorize(Duty.RECEIVE);
        c = _known(id);
        if (org != c.org) revert NotYourTurn(id, org, c.org);
    }

    function _known(uint256 id) private view returns (Case storage c) {
        c = _cases[id];
        if (c.state == CaseState.NONE) revert UnknownCase(id);
    }
}
