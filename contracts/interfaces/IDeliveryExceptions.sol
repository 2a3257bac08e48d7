// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModule} from "./IModule.sol";
import {EventRef} from "./ITwins.sol";

/// @title IDeliveryExceptions
/// @notice What a receiver found wrong with a delivery, and how the two sides settle it: request, reply and resolution
/// as the Partnership for DSCSA Governance describes them.
///
/// A case is about the quantity it names, and blocks nothing: the undisputed rest of a delivery moves on.
interface IDeliveryExceptions is IModule {
    /// @notice What is wrong.
    enum Kind {
        NONE,
        MISSING_PRODUCT,
        MISSING_DATA,
        OVERAGE,
        UNDERAGE,
        MISALIGNMENT,
        MASTER_DATA,
        OTHER
    }

    /// @notice What settles it.
    enum Resolution {
        NONE,
        SEND_NEW_DATA,
        SEND_PRODUCT,
        RETURN_PRODUCT,
        SEND_BACK_PRODUCT,
        CREDIT_ACCOUNT,
        DEBIT_ACCOUNT
    }

    /// @notice OPEN: the other side replies. COUNTERED: it offers another resolution, and the receiver decides.
    /// AGREED: what is agreed is to be done. REJECTED: no agreement; the receiver may ask again. RESOLVED: done.
    /// WITHDRAWN: it was nothing.
    enum CaseState {
        NONE,
        OPEN,
        COUNTERED,
        AGREED,
        REJECTED,
        RESOLVED,
        WITHDRAWN
    }

    /// @notice A case, in one slot.
    /// @param org Organisation that received.
    /// @param counterparty Organisation that delivered.
    /// @param kind What is wrong.
    /// @param state Where it stands.
    /// @param resolution What is requested, offered or agreed.
    /// @param quantity How much of it, in millionths of a unit; 0: data only.
    struct Case {
        uint32 org;
        uint32 counterparty;
        Kind kind;
        CaseState state;
        Resolution resolution;
        uint96 quantity;
    }

    /// @notice A receiver asks for a resolution; the record `record` has the details, such as serials and the source of
    /// the observation.
    event ExceptionRaised(
        uint256 indexed id,
        bytes32 indexed subject,
        uint32 indexed org,
        uint32 counterparty,
        address caller,
        Kind kind,
        uint96 quantity,
        Resolution requested,
        bytes32 record,
        EventRef ref
    );
    /// @notice One side moved the case on.
    /// @param org The organisation that did.
    /// @param state Where it stands now.
    /// @param resolution What is requested, offered or agreed now.
    event ExceptionMoved(
        uint256 indexed id,
        bytes32 indexed subject,
        uint32 indexed org,
        address caller,
        CaseState state,
        Resolution resolution,
        bytes32 record
    );

    /// @notice No case has this number.
    error UnknownCase(uint256 id);
    /// @notice The case is in another state than the step needs.
    error WrongCaseState(uint256 id, CaseState state);
    /// @notice The step is the other side's.
    error NotYourTurn(uint256 id, uint32 org, uint32 expected);
    /// @notice A case has a kind and a resolution, and is with another organisation. Missing or surplus product has a
    /// quantity.
    error IncompleteCase(Kind kind, Resolution resolution, uint32 counterparty, uint96 quantity);

    /// @notice Raises an exception. Receiving organisation, duty RECEIVE. Emits {ExceptionRaised}.
    /// @param subject Container, lot or part that was delivered.
    /// @return id Its number, counted from 1.
    function raise(
        bytes32 subject,
        uint32 counterparty,
        Kind kind,
        uint96 quantity,
        Resolution requested,
        bytes32 record,
        EventRef calldata ref
    ) external returns (uint256 id);

    /// @notice Accepts what is requested. Delivering organisation, duty SHIP. Emits {ExceptionMoved}.
    function accept(uint256 id, bytes32 record) external;

    /// @notice Rejects it. Delivering organisation, duty SHIP. Emits {ExceptionMoved}.
    function reject(uint256 id, bytes32 record) external;

    /// @notice Offers another resolution. Delivering organisation, duty SHIP. Emits {ExceptionMoved}.
    function counter(uint256 id, Resolution alternative, bytes32 record) external;

    /// @notice Agrees to the other resolution. Receiving organisation, duty RECEIVE. Emits {ExceptionMoved}.
    function agree(uint256 id, bytes32 record) external;

    /// @notice Asks again, after a rejection or another offer. Receiving organisation, duty RECEIVE.
    /// Emits {ExceptionMoved}.
    function insist(uint256 id, Resolution requested, bytes32 record) external;

    /// @notice What was agreed is done. Receiving organisation, duty RECEIVE. Emits {ExceptionMoved}.
    function resolve(uint256 id, bytes32 record) external;

    /// @notice It was nothing. Receiving organisation, duty RECEIVE, until it is resolved. Emits {ExceptionMoved}.
    function withdraw(uint256 id, bytes32 record) external;

    /// @notice Number of cases.
    function caseCount() external view returns (uint256);

    /// @notice A case; all zero if there is none.
    function caseOf(uint256 id) external view returns (Case memory);

    /// @notice The thing a case is about.
    function subjectOf(uint256 id) external view returns (bytes32);
}
