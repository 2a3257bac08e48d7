// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILineage} from "../interfaces/ILineage.sol";
import {ILots} from "../interfaces/ILots.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Duty, Role} from "../libraries/Membership.sol";

/// @title Lineage
/// @notice See {ILineage}.
contract Lineage is ILineage, Module {
    uint256 private constant MAX_DEPTH = 8;
    uint32 private constant MAX_YIELD = 2e6;

    /// @inheritdoc ILineage
    ILots public immutable LOTS;

    /// @inheritdoc ILineage
    ITwins public immutable TWINS;

    mapping(bytes32 process => Process) private _processes;

    /// @inheritdoc ILineage
    mapping(bytes32 process => bytes32) public inputsHead;

    /// @inheritdoc ILineage
    mapping(bytes32 process => bytes32) public outputsHead;

    /// @inheritdoc ILineage
    mapping(bytes32 product => bytes32) public originOf;

    mapping(bytes32 child => Association) private _associations;

    /// @dev Recalls of a process besides {Process.recall}.
    mapping(uint32 recall => mapping(bytes32 process => bool)) private _alsoRecalled;

    constructor(IConsortium consortium, ILots lots) Module("Goldthread Lineage", consortium) {
        LOTS = lots;
        TWINS = lots.TWINS();
    }

    // --------------------------------------------------------------------------------------------- processes

    /// @inheritdoc ILineage
    // slither-disable-next-line reentrancy-no-eth: Lots is our own and calls nobody back
    function transform(
        bytes32 transformationId,
        ILots.Part[] calldata inputs,
        ILots.Commission[] calldata outputs,
        bytes32[] calldata parts,
        bool last,
        EventRef calldata ref
    ) external returns (bytes32 process) {
        uint32 org = _authorize(Duty.REGISTER);
        process = keccak256(abi.encode(org, transformationId));
        if (_processes[process].org != 0) revert ProcessExists(process);
        _processes[process].org = org;
        emit ProcessOpened(process, org, transformationId, msg.sender);
        _addInputs(process, org, inputs);
        _addOutputs(process, org, outputs, parts, ref);
        _tell(process, org, inputs.length, outputs.length + parts.length, ref);
        if (last) _finalise(process, org, 0, ref);
    }

    /// @inheritdoc ILineage
    function addInputs(bytes32 process, ILots.Part[] calldata inputs, EventRef calldata ref) external {
        uint32 org = _authorizeOpen(process);
        _addInputs(process, org, inputs);
        _tell(process, org, inputs.length, 0, ref);
    }

    /// @inheritdoc ILineage
    function addOutputs(
        bytes32 process,
        ILots.Commission[] calldata outputs,
        bytes32[] calldata parts,
        EventRef calldata ref
    ) external {
        uint32 org = _authorizeOpen(process);
        _addOutputs(process, org, outputs, parts, ref);
        _tell(process, org, 0, outputs.length + parts.length, ref);
    }

    /// @inheritdoc ILineage
    function finalise(bytes32 process, uint32 yield, EventRef calldata ref) external {
        if (yield > MAX_YIELD) revert YieldOutOfRange(yield);
        _finalise(process, _authorizeOpen(process), yield, ref);
    }

    // slither-disable-next-line reentrancy-no-eth: Lots is our own and calls nobody back
    function _addInputs(bytes32 process, uint32 org, ILots.Part[] calldata inputs) private {
        bytes32 head = inputsHead[process];
        for (uint256 i; i < inputs.length; ++i) {
            (bytes32 lot, uint96 quantity) = (inputs[i].lot, inputs[i].quantity);
            LOTS.useFor(msg.sender, lot, quantity, process);
            head = _withInput(head, lot, quantity);
            emit InputAdded(process, lot, org, quantity);
        }
        inputsHead[process] = head;
        _processes[process].inputs += uint32(inputs.length);
    }

    // slither-disable-next-line reentrancy-no-eth: Lots is our own and calls nobody back
    function _addOutputs(
        bytes32 process,
        uint32 org,
        ILots.Commission[] calldata outputs,
        bytes32[] calldata parts,
        EventRef calldata ref
    ) private {
        bytes32 head = outputsHead[process];
        for (uint256 i; i < outputs.length; ++i) {
            bytes32 lot = LOTS.commissionLotFor(msg.sender, outputs[i], process, ref);
            head = _addOutput(head, process, org, lot);
        }
        for (uint256 i; i < parts.length; ++i) {
            uint32 maker = TWINS.twin(parts[i]).maker;
            bytes32 origin = originOf[parts[i]];
            // A unit came out of the process of its lot.
            if (origin == 0) origin = LOTS.lotOfUnit(parts[i]);
            if (maker != org || origin != 0) revert NotAnOutput(parts[i], maker, origin);
            head = _addOutput(head, process, org, parts[i]);
        }
        outputsHead[process] = head;
        _processes[process].outputs += uint32(outputs.length + parts.length);
    }

    function _addOutput(bytes32 head, bytes32 process, uint32 org, bytes32 product) private returns (bytes32) {
        originOf[product] = process;
        emit OutputAdded(process, product, org);
        return _withOutput(head, product);
    }

    function _tell(bytes32 process, uint32 org, uint256 inputs, uint256 outputs, EventRef calldata ref) private {
        if (inputs + outputs == 0) revert NothingNamed();
        EventStamp.checkPast(ref.stamp);
        emit Transformed(process, org, msg.sender, inputs, outputs, ref);
    }

    function _finalise(bytes32 process, uint32 org, uint32 yield, EventRef calldata ref) private {
        EventStamp.checkPast(ref.stamp);
        _processes[process].finalised = true;
        emit ProcessFinalised(process, org, msg.sender, yield, ref);
    }

    /// @dev The caller's organisation, which runs this process, and may add to it.
    function _authorizeOpen(bytes32 process) private view returns (uint32 org) {
        org = _authorize(Duty.REGISTER);
        Process storage p = _processes[process];
        if (p.org == 0) revert UnknownProcess(process);
        if (p.org != org) revert NotProcessOwner(process, org, p.org);
        if (p.finalised || p.recalls != 0) revert ProcessEnded(process, p.finalised, p.recalls);
    }

    // ------------------------------------------------------------------------------------------ associations

    /// @inheritdoc ILineage
    function install(bytes32 child, bytes32 parent, EventRef calldata ref) external {
        _install(child, parent, _authorize(Duty.REGISTER), ref);
    }

    /// @inheritdoc ILineage
    function remove(bytes32 child, EventRef calldata ref) external {
        _remove(child, _authorize(Duty.REGISTER), ref);
    }

    /// @inheritdoc ILineage
    function replace(bytes32 child, bytes32 successor, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.REGISTER);
        _install(successor, _remove(child, org, ref), org, ref);
    }

    function _install(bytes32 child, bytes32 parent, uint32 org, EventRef calldata ref) private {
        if (_associations[child].parent != 0) revert AlreadyInstalled(child, _associations[child].parent);
        if (!_isPart(child) || !_isPart(parent)) revert NotInstallable(child, parent);
        EventStamp.checkPast(ref.stamp);
        _checkTogether(child, parent, org);
        uint256 depth = 1;
        for (bytes32 above = parent; above != 0; above = _associations[above].parent) {
            // slither-disable-next-line incorrect-equality: ids
            if (above == child || ++depth > MAX_DEPTH) revert NotInstallable(child, parent);
        }
        uint40 since = uint40(block.timestamp);
        _associations[child] = Association(parent, since);
        emit Installed(child, parent, org, msg.sender, since, ref);
    }

    function _remove(bytes32 child, uint32 org, EventRef calldata ref) private returns (bytes32 parent) {
        parent = _associations[child].parent;
        // slither-disable-next-line incorrect-equality: an id
        if (parent == 0) revert NotInstalled(child);
        EventStamp.checkPast(ref.stamp);
        _checkTogether(child, parent, org);
        delete _associations[child];
        emit Removed(child, parent, org, msg.sender, uint40(block.timestamp), ref);
    }

    function _isPart(bytes32 id) private view returns (bool) {
        ITwins.Kind kind = TWINS.twin(id).kind;
        // slither-disable-next-line incorrect-equality: kinds
        return kind == ITwins.Kind.PART || kind == ITwins.Kind.ASSET;
    }

    function _checkTogether(bytes32 child, bytes32 parent, uint32 org) private view {
        (uint32 a, uint32 b) = (TWINS.custodianOf(child), TWINS.custodianOf(parent));
        if (a != org || b != org) revert NotTogether(child, parent, a, b);
    }

    // ----------------------------------------------------------------------------------------------- recalls

    /// @inheritdoc ILineage
    function markRecalled(bytes32[] calldata processes, uint32 recall) external returns (uint32 added) {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        for (uint256 i; i < processes.length; ++i) {
            bytes32 process = processes[i];
            if (isRecalled(process, recall)) continue;
            Process storage p = _processes[process];
            if (p.org == 0) revert UnknownProcess(process);
            if (p.recalls == 0) p.recall = recall;
            else _alsoRecalled[recall][process] = true;
            ++p.recalls;
            ++added;
            emit ProcessRecalled(process, recall);
        }
    }

    /// @inheritdoc ILineage
    function unmarkRecalled(bytes32[] calldata processes, uint32 recall) external {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        for (uint256 i; i < processes.length; ++i) {
            bytes32 process = processes[i];
            if (!isRecalled(process, recall)) continue;
            Process storage p = _processes[process];
            if (p.recall == recall) p.recall = 0;
            else delete _alsoRecalled[recall][process];
            --p.recalls;
            emit ProcessRecallLifted(process, recall);
        }
    }

    // ----------------------------------------------------------------------------------------------- reading

    /// @inheritdoc ILineage
    function processOf(bytes32 process) external view returns (Process memory) {
        return _processes[process];
    }

    /// @inheritdoc ILineage
    function associationOf(bytes32 child) external view returns (Association memory) {
        return _associations[child];
    }

    /// @inheritdoc ILineage
    function isRecalled(bytes32 process, uint32 recall) public view returns (bool) {
        return (recall != 0 && _processes[process].recall == recall) || _alsoRecalled[recall][process];
    }

    /// @inheritdoc ILineage
    function usesComplete(bytes32 lot, bytes32[] calldata uses) external view returns (bool) {
        return _chain(uses) == LOTS.useHead(lot);
    }

    /// @inheritdoc ILineage
    function outputsComplete(bytes32 process, bytes32[] calldata products) external view returns (bool) {
        return _chain(products) == outputsHead[process];
    }

    /// @inheritdoc ILineage
    function ancestorsComplete(Ancestor[] calldata ancestors) external view returns (bool) {
        if (ancestors.length == 0 || !_exists(ancestors[0].product)) return false;
        for (uint256 i; i < ancestors.length; ++i) {
            Ancestor calldata a = ancestors[i];
            for (uint256 j; j < a.inputs.length; ++j) {
                if (a.inputs[j] >= ancestors.length) return false;
            }
            bytes32 lot = LOTS.lotOfUnit(a.product);
            if (lot != 0) {
                if (a.inputs.length != 1 || ancestors[a.inputs[0]].product != lot) return false;
                continue;
            }
            if (a.inputs.length != a.quantities.length) return false;
            bytes32 head;
            for (uint256 j; j < a.inputs.length; ++j) {
                head = _withInput(head, ancestors[a.inputs[j]].product, a.quantities[j]);
            }
            if (head != inputsHead[originOf[a.product]]) return false;
        }
        return true;
    }

    function _exists(bytes32 product) private view returns (bool) {
        return LOTS.lotOf(product).maker != 0 || TWINS.ownerOf(product) != 0;
    }

    function _chain(bytes32[] calldata items) private pure returns (bytes32 head) {
        for (uint256 i; i < items.length; ++i) {
            head = _withOutput(head, items[i]);
        }
    }

    function _withInput(bytes32 head, bytes32 lot, uint96 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(head, lot, quantity));
    }

    function _withOutput(bytes32 head, bytes32 product) private pure returns (bytes32) {
        return keccak256(abi.encode(head, product));
    }
}
