// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {ICargoInsurance} from "../interfaces/ICargoInsurance.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IRecalls} from "../interfaces/IRecalls.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Indemnity} from "../libraries/Indemnity.sol";
import {Rule} from "../libraries/Rule.sol";
import {Capital} from "./Capital.sol";
import {Purse} from "./Purse.sol";

/// @title CargoInsurance
/// @notice See {ICargoInsurance}.
contract CargoInsurance is ICargoInsurance, Capital {
    bytes32 private constant SHIPMENT_TYPEHASH = keccak256(
        "Shipment(address holder,address treasury,bytes32 subject,uint32 setter,bytes32 conditions,uint32 carrier,uint32 consignee,uint40 latestStart,uint40 latestEnd,uint32 claimWindow,uint96 sumInsured,uint96 premium,uint96 franchise,uint96 deductible,uint32 rejectShare,uint32 recallShare,uint8 recallClass,uint32 recaller,uint40 deadline,bytes32 salt)"
    );
    bytes32 private constant SEVERITY_TYPEHASH =
        keccak256("Severity(uint8 rule,uint32 beyond,uint32 time,uint32 share)");
    /// @dev The referenced types follow in alphabetical order (EIP-712).
    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "CargoQuote(Shipment shipment,Severity[] table)Severity(uint8 rule,uint32 beyond,uint32 time,uint32 share)Shipment(address holder,address treasury,bytes32 subject,uint32 setter,bytes32 conditions,uint32 carrier,uint32 consignee,uint40 latestStart,uint40 latestEnd,uint32 claimWindow,uint96 sumInsured,uint96 premium,uint96 franchise,uint96 deductible,uint32 rejectShare,uint32 recallShare,uint8 recallClass,uint32 recaller,uint40 deadline,bytes32 salt)"
    );

    /// @inheritdoc ICargoInsurance
    uint256 public constant MAX_ROWS = 32;

    /// @inheritdoc ICargoInsurance
    IConditions public immutable CONDITIONS;

    /// @inheritdoc ICargoInsurance
    IRecalls public immutable RECALLS;

    /// @inheritdoc ICargoInsurance
    ITwins public immutable TWINS;

    // slither-disable-next-line uninitialized-state: written through storage pointers
    mapping(bytes32 policyId => Policy) private _policies;

    constructor(IConsortium consortium, IConditions conditions, IRecalls recalls, IERC20 token)
        Module("Goldthread CargoInsurance", consortium)
        Purse(token)
    {
        CONDITIONS = conditions;
        RECALLS = recalls;
        TWINS = conditions.TWINS();
    }

    // ----------------------------------------------------------------------------------------------- policies

    /// @inheritdoc ICargoInsurance
    function openPolicy(CargoQuote calldata quote, bytes calldata signer, bytes calldata signature)
        external
        nonReentrant
        returns (bytes32 policyId)
    {
        Shipment calldata shipment = quote.shipment;
        policyId = policyIdOf(quote);
        Policy storage p = _policies[policyId];
        if (p.state != PolicyState.NONE) revert PolicyExists(policyId);
        _requireCaller(policyId, shipment.holder);
        _requireNotAfter(policyId, Math.min(shipment.deadline, shipment.latestStart));
        _requireSound(policyId, quote);
        _requireInForce(policyId, shipment);
        (uint32 org, address underwriter) = _requireQuoted(policyId, shipment.treasury, signer, signature);

        p.state = PolicyState.OPEN;
        _lock(shipment.treasury, shipment.sumInsured);
        emit PolicyOpened(policyId, msg.sender, shipment.treasury, org, underwriter, quote);
        _pull(shipment.premium);
    }

    /// @inheritdoc ICargoInsurance
    function begin(CargoQuote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Shipment calldata shipment = quote.shipment;
        _requireState(policyId, p, PolicyState.OPEN);
        _requireNotAfter(policyId, shipment.latestStart);
        _requireCustody(policyId, shipment.subject, shipment.carrier);
        uint16 breaches = CONDITIONS.policyState(_requireInForce(policyId, shipment)).breaches;
        if (breaches != 0) revert BreachedBefore(policyId, breaches);
        uint32 recalls = RECALLS.recallCount();
        p.state = PolicyState.UNDERWAY;
        p.start = uint40(block.timestamp);
        p.end = shipment.latestEnd;
        p.recallsBefore = recalls;
        p.recallsUntil = type(uint32).max;
        _earn(shipment.treasury, shipment.premium);
        emit TripBegun(policyId, shipment.subject, msg.sender, p.start, p.end, recalls);
    }

    /// @inheritdoc ICargoInsurance
    function finish(CargoQuote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Shipment calldata shipment = quote.shipment;
        _requireState(policyId, p, PolicyState.UNDERWAY);
        if (block.timestamp < p.end) {
            if (shipment.consignee == 0) revert WindowOpen(policyId, p.end - 1);
            _requireCustody(policyId, shipment.subject, shipment.consignee);
            p.end = uint40(block.timestamp);
        }
        uint32 recalls = RECALLS.recallCount();
        p.state = PolicyState.ENDED;
        p.recallsUntil = recalls;
        emit TripEnded(policyId, shipment.subject, msg.sender, p.end, recalls);
    }

    /// @inheritdoc ICargoInsurance
    function settle(CargoQuote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Shipment calldata shipment = quote.shipment;
        _requireBegun(policyId, p);
        if (msg.sender != shipment.holder && p.share != _greatest(quote)) {
            _requireAfter(policyId, uint256(p.end) + shipment.claimWindow);
        }
        uint96 payment = paymentOf(shipment, p.share);
        p.state = PolicyState.SETTLED;
        _payLocked(shipment.treasury, shipment.holder, payment);
        _unlock(shipment.treasury, shipment.sumInsured - payment);
        emit PolicySettled(policyId, shipment.holder, shipment.treasury, msg.sender, payment);
    }

    /// @inheritdoc ICargoInsurance
    function cancel(CargoQuote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Shipment calldata shipment = quote.shipment;
        _requireState(policyId, p, PolicyState.OPEN);
        if (msg.sender != shipment.holder) _requireAfter(policyId, shipment.latestStart);
        p.state = PolicyState.CANCELLED;
        _unlock(shipment.treasury, shipment.sumInsured);
        _credit(shipment.holder, shipment.premium);
        emit PolicyCancelled(policyId, shipment.holder, shipment.treasury, msg.sender, shipment.premium);
    }

    // ------------------------------------------------------------------------------------------------- claims

    /// @inheritdoc ICargoInsurance
    function claimBreach(
        CargoQuote calldata quote,
        IConditions.Policy calldata conditions,
        bytes32 device,
        uint16 quantity,
        uint8 rule
    ) external {
        (bytes32 policyId, Policy storage p) = _claimable(quote);
        bytes32 hash = keccak256(abi.encode(conditions));
        if (hash != quote.shipment.conditions) revert WrongConditions(policyId, quote.shipment.conditions, hash);
        IConditions.Breach memory b = CONDITIONS.breachUnder(hash, device, quantity, rule);
        if (b.firstCrossing == 0) revert NoBreach(policyId, device, quantity, rule);
        if (b.firstCrossing < p.start || b.firstCrossing >= p.end) {
            revert NotInTrip(policyId, b.firstCrossing, p.start, p.end);
        }
        uint32 beyond = b.until < p.end ? _beyond(conditions.rules, rule, b.extreme) : 0;
        uint32 time = uint32(Math.min(b.time, p.end - b.firstCrossing));
        uint32 share = Indemnity.shareOf(quote.table, rule, beyond, time);
        bool rejected = share < quote.shipment.rejectShare && _isRejected(quote.shipment);
        if (rejected) share = quote.shipment.rejectShare;
        _raise(policyId, p, share);
        emit BreachClaimed(policyId, device, msg.sender, quantity, rule, rejected, share);
    }

    /// @inheritdoc ICargoInsurance
    function claimRecall(CargoQuote calldata quote, uint32 recall) external {
        (bytes32 policyId, Policy storage p) = _claimable(quote);
        Shipment calldata shipment = quote.shipment;
        IRecalls.Recall memory r = RECALLS.recallOf(recall);
        bool insured = recall > p.recallsBefore && recall <= p.recallsUntil && r.class <= shipment.recallClass
            && (shipment.recaller == 0 || shipment.recaller == r.org);
        if (!insured || !RECALLS.isAffected(recall, shipment.subject)) revert RecallNotInsured(policyId, recall);
        _raise(policyId, p, shipment.recallShare);
        emit RecallClaimed(policyId, recall, msg.sender, shipment.recallShare);
    }

    // -------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICargoInsurance
    function policyOf(bytes32 policyId) external view returns (Policy memory) {
        return _policies[policyId];
    }

    /// @inheritdoc ICargoInsurance
    function policyIdOf(CargoQuote calldata quote) public view returns (bytes32) {
        bytes32[] memory rows = new bytes32[](quote.table.length);
        for (uint256 i; i < rows.length; ++i) {
            rows[i] = keccak256(abi.encode(SEVERITY_TYPEHASH, quote.table[i]));
        }
        bytes32 shipment = keccak256(abi.encode(SHIPMENT_TYPEHASH, quote.shipment));
        return _hashTypedDataV4(keccak256(abi.encode(QUOTE_TYPEHASH, shipment, keccak256(abi.encodePacked(rows)))));
    }

    /// @inheritdoc ICargoInsurance
    function shareOf(Indemnity.Severity[] calldata table, uint8 rule, uint32 beyond, uint32 time)
        external
        pure
        returns (uint32)
    {
        return Indemnity.shareOf(table, rule, beyond, time);
    }

    /// @inheritdoc ICargoInsurance
    function paymentOf(Shipment calldata shipment, uint32 share) public pure returns (uint96) {
        return Indemnity.payment(shipment.sumInsured, share, shipment.franchise, shipment.deductible);
    }

    // ------------------------------------------------------------------------------------------------ helpers

    function _load(CargoQuote calldata quote) private view returns (bytes32 policyId, Policy storage p) {
        policyId = policyIdOf(quote);
        p = _policies[policyId];
        if (p.state == PolicyState.NONE) revert UnknownPolicy(policyId);
    }

    function _claimable(CargoQuote calldata quote) private view returns (bytes32 policyId, Policy storage p) {
        (policyId, p) = _load(quote);
        _requireBegun(policyId, p);
        _requireNotAfter(policyId, uint256(p.end) + quote.shipment.claimWindow);
    }

    function _raise(bytes32 policyId, Policy storage p, uint32 share) private {
        if (share <= p.share) revert NothingToRaise(policyId, share, p.share);
        p.share = share;
    }

    /// @dev Refuses what can never pay, or cannot be read as the two sides meant it.
    function _requireSound(bytes32 policyId, CargoQuote calldata quote) private pure {
        Shipment calldata shipment = quote.shipment;
        bool carried = shipment.carrier != 0 && shipment.carrier != shipment.consignee;
        if (!carried || shipment.latestEnd <= shipment.latestStart || shipment.claimWindow == 0) {
            revert NoTrip(policyId);
        }
        if (quote.table.length > MAX_ROWS) revert TableTooLong(policyId, quote.table.length);
        if ((shipment.recallClass == IRecalls.RecallClass.NONE) != (shipment.recallShare == 0)) {
            revert HalfRecall(policyId, shipment.recallClass, shipment.recallShare);
        }
        uint32 share = _greatest(quote);
        if (share > Indemnity.ONE) revert ShareTooHigh(policyId, share);
        if (paymentOf(shipment, share) == 0) revert NothingInsured(policyId);
    }

    function _requireState(bytes32 policyId, Policy storage p, PolicyState state) private view {
        if (p.state != state) revert WrongPolicyState(policyId, p.state);
    }

    function _requireBegun(bytes32 policyId, Policy storage p) private view {
        if (p.state != PolicyState.UNDERWAY && p.state != PolicyState.ENDED) {
            revert WrongPolicyState(policyId, p.state);
        }
    }

    function _requireCustody(bytes32 policyId, bytes32 subject, uint32 org) private view {
        uint32 custodian = TWINS.custodianOf(subject);
        if (custodian != org) revert NotInCustody(policyId, org, custodian);
    }

    /// @return id Of the conditions.
    function _requireInForce(bytes32 policyId, Shipment calldata shipment) private view returns (bytes32 id) {
        id = CONDITIONS.policyIdOf(shipment.subject, shipment.setter);
        bytes32 inForce = CONDITIONS.policyHash(id);
        if (inForce == 0 || inForce != shipment.conditions) {
            revert ConditionsNotInForce(policyId, shipment.conditions, inForce);
        }
    }

    /// @dev While a breach is open no other version can be set, so the decision is about the version in force.
    function _isRejected(Shipment calldata shipment) private view returns (bool) {
        bytes32 id = CONDITIONS.policyIdOf(shipment.subject, shipment.setter);
        return CONDITIONS.policyHash(id) == shipment.conditions
            && CONDITIONS.policyState(id).disposition == IConditions.Disposition.REJECT;
    }

    /// @dev Distance of an extreme from the rule's limit; 0 for what has no limit that a reading could pass.
    function _beyond(Rule[] calldata rules, uint8 rule, int32 extreme) private pure returns (uint32) {
        if (rule >= rules.length || rules[rule].kind() == uint8(IConditions.RuleKind.SEQUENCE)) return 0;
        int256 distance = int256(extreme) - rules[rule].limit();
        if (!rules[rule].high()) distance = -distance;
        return distance > 0 ? uint32(uint256(distance)) : 0;
    }

    /// @dev The highest share that the quote gives for anything.
    function _greatest(CargoQuote calldata quote) private pure returns (uint32) {
        uint256 otherwise = Math.max(quote.shipment.rejectShare, quote.shipment.recallShare);
        return uint32(Math.max(Indemnity.greatest(quote.table), otherwise));
    }
}
