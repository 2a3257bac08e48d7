// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDesignControl} from "../interfaces/IDesignControl.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {ProjectWord} from "../libraries/DesignWords.sol";
import {Duty} from "../libraries/Membership.sol";
import {Signers} from "../libraries/Signers.sol";
import {DesignMatrix} from "./DesignMatrix.sol";

// slither-disable-start incorrect-equality: what is compared has a time beside it in its word, not in it
/// @title DesignControl
/// @notice See {IDesignControl}: plans, gates and changes.
// slither-disable-next-line unimplemented-functions: evidenceOf is a public mapping by an enumeration
contract DesignControl is DesignMatrix {
    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable APPROVAL_TYPEHASH =
        keccak256("Approval(bytes32 design,uint8 gate,uint32 change,bytes32 record,uint32 edition,uint40 deadline)");

    /// @dev Of which kinds, a bit each, who passes a gate has written nothing: a byte for each gate.
    bytes8 private constant ABOUT = 0x00010e101e204010;

    mapping(bytes32 design => mapping(uint32 change => Change)) private _changes;

    /// @inheritdoc IDesignControl
    mapping(bytes32 design => mapping(Gate gate => bytes32)) public evidenceOf;

    constructor(IConsortium consortium, IRecords records) DesignMatrix(consortium, records) {}

    // -------------------------------------------------------------------------------------------------- plan

    /// @inheritdoc IDesignControl
    function plan(bytes32 design, bytes32 record, Forms calldata forms) external {
        uint32 org = _authorizeOwner(design, Duty.RECORD);
        ITwins.Twin memory t = TWINS.twin(design);
        if (t.kind != ITwins.Kind.DESIGN || t.end != ITwins.EndOfLife.NONE) revert NotADesign(design, t.kind, t.end);
        (address author,) = _evidence(design, record, 0);
        ProjectWord p = _projects[design];
        if (!p.exists()) p = p.withReopened(Gate.NONE, uint40(block.timestamp));
        p = p.next();
        _forms[design] = forms;
        _note(design, msg.sender, Kind.NONE);
        _note(design, author, Kind.NONE);
        emit ProjectPlanned(design, org, record, msg.sender, author, forms, p.edition(), uint40(block.timestamp));
        _save(design, org, p, Gate.NONE, record);
    }

    // ------------------------------------------------------------------------------------------------- gates

    /// @inheritdoc IDesignControl
    function passGate(bytes32 design, Gate gate, bytes32 record, uint32 edition) external {
        _pass(design, gate, record, edition, msg.sender);
    }

    /// @inheritdoc IDesignControl
    function passGateSigned(Approval calldata a, bytes calldata signer, bytes calldata signature) external {
        if (a.change != 0) revert WrongApproval(a.design, a.gate, a.change);
        _pass(a.design, a.gate, a.record, a.edition, _signerOf(a, signer, signature));
    }

    /// @inheritdoc IDesignControl
    function lapseGate(bytes32 design, Gate gate) external {
        ProjectWord p = _known(design).next();
        if (gate == Gate.NONE || gate > p.stage()) revert GateNotPassed(design, gate, p.stage());
        bytes32 record = evidenceOf[design][gate];
        if (RECORDS.complete(record)) revert StillComplete(design, record);
        uint32 org = TWINS.ownerOf(design);
        emit GateLapsed(design, org, gate, msg.sender, record, p.edition());
        _save(design, org, p, Gate(uint8(gate) - 1), record);
    }

    // ----------------------------------------------------------------------------------------------- changes

    /// @inheritdoc IDesignControl
    function proposeChange(bytes32 design, bytes32 record, Revision[] calldata revisions)
        external
        returns (uint32 change)
    {
        uint32 org = _authorizeOwner(design, Duty.RECORD);
        ProjectWord p = _known(design).next();
        if (revisions.length == 0) revert RevisionsDiffer(0, 0);
        _evidence(design, record, _forms[design].change);
        p = p.withChanges(p.changes() + 1).withOpenChanges(p.openChanges() + 1);
        change = p.changes();
        _projects[design] = p;
        uint40 time = uint40(block.timestamp);
        _changes[design][change] = Change(msg.sender, ChangeState.OPEN, time, keccak256(abi.encode(revisions)));
        emit ChangeProposed(design, org, change, msg.sender, record, revisions, p.edition(), time);
    }

    /// @inheritdoc IDesignControl
    function approveChange(
        bytes32 design,
        uint32 change,
        bytes32 record,
        uint32 edition,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours
    ) external {
        _approve(design, change, record, edition, revisions, neighbours, msg.sender);
    }

    /// @inheritdoc IDesignControl
    function approveChangeSigned(
        Approval calldata a,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        if (a.gate != Gate.NONE) revert WrongApproval(a.design, a.gate, a.change);
        address approver = _signerOf(a, signer, signature);
        _approve(a.design, a.change, a.record, a.edition, revisions, neighbours, approver);
    }

    /// @inheritdoc IDesignControl
    function dismissChange(bytes32 design, uint32 change, bytes32 record) external {
        ProjectWord p = _known(design).next();
        Change storage c = _open(design, change);
        uint32 org = _authorizeOwner(design, msg.sender == c.author ? Duty.RECORD : Duty.QUALITY);
        _checkEvidence(design, record, 0, c.proposedAt);
        c.state = ChangeState.DISMISSED;
        _projects[design] = p.withOpenChanges(p.openChanges() - 1);
        emit ChangeDismissed(design, org, change, msg.sender, record, p.edition());
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDesignControl
    function changeOf(bytes32 design, uint32 change) external view returns (Change memory) {
        return _changes[design][change];
    }

    /// @inheritdoc IDesignControl
    function independent(bytes32 design, Gate gate, address account) external view returns (bool) {
        return _wrote(design, gate, account) == 0;
    }

    /// @inheritdoc IDesignControl
    function transferred(bytes32 design) external view returns (bool) {
        return _projects[design].stage() == Gate.TRANSFER;
    }

    /// @inheritdoc IDesignControl
    function obstacleOf(bytes32 design) external view returns (Obstacle obstacle, uint32 count) {
        ProjectWord p = _projects[design];
        if (!p.exists()) return (Obstacle.NO_PROJECT, 0);
        Gate limit = p.limit();
        if (limit == Gate.PLANNING) return (Obstacle.INPUTS, p.held(Gate.INPUTS));
        if (limit == Gate.INPUTS) return (Obstacle.OUTPUTS, p.held(Gate.OUTPUTS));
        if (limit == Gate.REVIEW) return (Obstacle.VERIFICATION, p.held(Gate.VERIFICATION));
        if (limit == Gate.VERIFICATION) return (Obstacle.VALIDATION, p.held(Gate.VALIDATION));
        Gate stage = p.stage();
        if (stage < Gate.VALIDATION) return (Obstacle.GATES, uint8(Gate.VALIDATION) - uint8(stage));
        if (p.openChanges() != 0) return (Obstacle.CHANGES, p.openChanges());
        (bool ok,) = TWINS.clear(design);
        if (!ok) return (Obstacle.TWIN, 1);
        if (stage == Gate.TRANSFER) return (Obstacle.TRANSFERRED, p.version());
    }

    /// @inheritdoc IDesignControl
    function digestOf(Approval calldata a) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(APPROVAL_TYPEHASH, a)));
    }

    // ----------------------------------------------------------------------------------------------- private

    /// @dev The account whose signature an approval carries.
    function _signerOf(Approval calldata a, bytes calldata signer, bytes calldata signature)
        private
        view
        returns (address)
    {
        if (block.timestamp > a.deadline) revert DeadlinePassed(a.design, a.deadline, block.timestamp);
        bytes32 digest = digestOf(a);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidApproval(digest, signer);
        return Signers.accountOf(signer);
    }

    /// @dev The project at the edition that was seen, and the approver's organisation, which must own the design.
    function _seen(bytes32 design, uint32 edition, address approver) private view returns (ProjectWord p, uint32 org) {
        org = _authorizeOwner(design, Duty.QUALITY, approver);
        p = _known(design);
        if (p.edition() != edition) revert EditionMoved(design, p.edition(), edition);
    }

    function _pass(bytes32 design, Gate gate, bytes32 record, uint32 edition, address approver) private {
        (ProjectWord p, uint32 org) = _seen(design, edition, approver);
        Gate due = p.stage() == Gate.TRANSFER ? Gate.NONE : Gate(uint8(p.stage()) + 1);
        if (gate != due || gate == Gate.NONE) revert WrongGate(design, due, gate);
        uint8 wrote = _wrote(design, gate, approver);
        if (wrote != 0) revert NotIndependent(design, gate, approver, wrote);
        _checkEvidence(design, record, _forms[design].review, p.reopenedAt());
        if (gate == Gate.INPUTS && p.needs() == 0) revert NoNeeds(design);
        uint24 held = p.held(gate);
        if (held != 0) revert GateHeld(design, gate, held);
        if (gate == Gate.TRANSFER) {
            if (p.openChanges() != 0) revert ChangesOpen(design, p.openChanges());
            (bool ok, ITwins.Cause cause) = TWINS.clear(design);
            if (!ok) revert NotClear(design, cause);
            p = p.withVersion(p.version() + 1);
        }
        p = p.withPassed(gate).next();
        _projects[design] = p;
        evidenceOf[design][gate] = record;
        emit GatePassed(design, org, gate, approver, msg.sender, record, p.version(), p.edition());
    }

    function _approve(
        bytes32 design,
        uint32 change,
        bytes32 record,
        uint32 edition,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours,
        address approver
    ) private {
        (ProjectWord p, uint32 org) = _seen(design, edition, approver);
        Change storage c = _open(design, change);
        bytes32 given = keccak256(abi.encode(revisions));
        if (c.revisions != given) revert OtherRevisions(design, change, c.revisions, given);
        address author = c.author;
        if (approver == author) revert SamePerson(design, change, approver);
        for (uint256 i; i < revisions.length; ++i) {
            if (_authorOf(design, revisions[i], author) == approver) revert SamePerson(design, change, approver);
        }
        _checkEvidence(design, record, _forms[design].review, c.proposedAt);
        c.state = ChangeState.APPROVED;
        Gate earliest;
        (p, earliest) = _reviseAll(design, org, p, revisions, neighbours, author, change);
        p = p.withOpenChanges(p.openChanges() - 1).next();
        emit ChangeApproved(design, org, change, approver, msg.sender, record, p.edition());
        _save(design, org, p, Gate(uint8(earliest) - 1), record);
    }

    function _open(bytes32 design, uint32 change) private view returns (Change storage c) {
        c = _changes[design][change];
        if (c.state == ChangeState.NONE) revert UnknownChange(design, change);
        if (c.state != ChangeState.OPEN) revert ChangeClosed(design, change, c.state);
    }

    /// @dev Of what the gate is about, the kinds of which the account wrote something, a bit each.
    function _wrote(bytes32 design, Gate gate, address account) private view returns (uint8) {
        return authored[design][account] & uint8(ABOUT[uint8(gate)]);
    }
}
// slither-disable-end incorrect-equality
