// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IFirmware} from "../interfaces/IFirmware.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {HeatWindowLib} from "../libraries/HeatWindow.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Mkt} from "../libraries/Mkt.sol";
import {Rule} from "../libraries/Rule.sol";

/// @title ConditionPolicies
/// @notice The policies of Conditions, and what becomes of their breaches: alerts, holds and decisions.
abstract contract ConditionPolicies is IConditions, Module {
    /// @inheritdoc IConditions
    uint256 public constant MAX_RULES = 8;

    /// @inheritdoc IConditions
    uint256 public constant MAX_DEVICES = 8;

    /// @inheritdoc IConditions
    uint8 public constant FALSIFIED = 14;

    /// @inheritdoc IConditions
    uint8 public constant SILENCE = 15;

    bytes4 private constant BREACH = bytes4(keccak256("BREACH"));
    bytes4 private constant FALSE = bytes4(keccak256("FALSIFIED"));
    bytes4 private constant SILENT = bytes4(keccak256("SILENT"));

    uint8 private constant CRITICAL = 3;
    uint16 private constant TEMPERATURE = 1;

    uint8 internal constant INSTANT = uint8(RuleKind.INSTANT);
    uint8 internal constant CONSECUTIVE = uint8(RuleKind.CONSECUTIVE);
    uint8 internal constant CUMULATIVE = uint8(RuleKind.CUMULATIVE);
    uint8 internal constant GAP = uint8(RuleKind.GAP);
    uint8 internal constant BAND_BUDGET = uint8(RuleKind.BAND_BUDGET);
    uint8 internal constant MKT = uint8(RuleKind.MKT);
    uint8 internal constant COUNT = uint8(RuleKind.COUNT);
    uint8 internal constant SEQUENCE = uint8(RuleKind.SEQUENCE);

    /// @inheritdoc IConditions
    ITwins public immutable TWINS;

    /// @inheritdoc IConditions
    mapping(bytes32 policyId => bytes32) public policyHash;

    mapping(bytes32 policyId => PolicyState) private _states;

    /// @dev A key stands for policy hash (and so for its version), device and quantity.
    mapping(bytes32 key => mapping(uint8 rule => Breach)) internal _breaches;

    constructor(IConsortium consortium, ITwins twins) Module("Goldthread Conditions", consortium) {
        TWINS = twins;
    }

    // ------------------------------------------------------------------------------------------------ policy

    /// @inheritdoc IConditions
    function setPolicy(Policy calldata policy) external returns (bytes32 policyId) {
        uint32 org = _authorize(Duty.QUALITY);
        if (policy.setter != org) revert NotSetter(policy.setter, org);
        if (TWINS.ownerOf(policy.subject) == 0) revert UnknownSubject(policy.subject);
        _checkRules(policy);
        policyId = policyIdOf(policy.subject, org);
        PolicyState storage state = _states[policyId];
        if (state.open) revert BreachOpen(policyId);
        uint32 version = state.version + 1;
        if (policy.version != version) revert NotNextVersion(policyId, version, policy.version);
        _states[policyId] = PolicyState(msg.sender, version, 0, false, false, Disposition.NONE);
        policyHash[policyId] = keccak256(abi.encode(policy));
        emit PolicySet(policyId, policy.subject, org, msg.sender, policy);
    }

    /// @inheritdoc IConditions
    function closePolicy(bytes32 subject) external {
        uint32 org = _authorize(Duty.QUALITY);
        bytes32 policyId = policyIdOf(subject, org);
        if (policyHash[policyId] == 0) revert NotInForce(policyId, 0, 0);
        if (_states[policyId].open) revert BreachOpen(policyId);
        delete policyHash[policyId];
        emit PolicyClosed(policyId, subject, org, msg.sender);
    }

    function _checkRules(Policy calldata policy) private view {
        (uint256 rules, uint256 devices) = (policy.rules.length, policy.devices.length);
        if (rules == 0 || rules > MAX_RULES || devices == 0 || devices > MAX_DEVICES) revert WrongSize(rules, devices);
        if (policy.maxInterval == 0) revert ZeroMaxInterval();
        if (policy.start < block.timestamp) revert StartInPast(policy.start, block.timestamp);
        for (uint256 i; i < rules; ++i) {
            Rule r = policy.rules[i];
            if (!r.isWellFormed() || r.severity() == 0 || r.severity() > CRITICAL || !_isValid(r)) {
                revert InvalidRule(i);
            }
        }
    }

    /// @dev Does a well-formed rule have the fields that its kind wants?
    function _isValid(Rule r) private pure returns (bool) {
        (uint8 kind, int32 limit, int32 upper, uint32 duration) = (r.kind(), r.limit(), r.upper(), r.duration());
        if ((duration == 0) != (kind == INSTANT || kind == SEQUENCE)) return false;
        if (kind == GAP) return !r.high() && limit == 0 && upper == 0;
        if (kind == BAND_BUDGET) return r.high() && upper > limit;
        if (kind == SEQUENCE) {
            return !r.high() && limit >= 0 && limit < int32(uint32(uint8(IFirmware.State.CURRENT))) && upper | 1 == 1;
        }
        if (kind == MKT) {
            return r.high() && Mkt.isLimit(limit) && r.quantity() == TEMPERATURE
                && (upper == 0 || (upper == 1 && duration % HeatWindowLib.TICKS == 0));
        }
        return upper == 0 && (kind < GAP || (kind == COUNT && duration <= type(uint16).max));
    }

    // ----------------------------------------------------------------------------------------------- breaches

    /// @dev Opens the policy's breach, tells of each rule found broken, and holds the twin back if the policy may.
    function _open(Policy calldata policy, bytes32 policyId, bytes32 key, bytes32 device, uint16 quantity, uint16 found)
        internal
    {
        PolicyState memory state = _states[policyId];
        bool hold = !state.holding && _mayHold(policy.subject, policy.setter);
        if (!state.open) (state.open, state.disposition) = (true, Disposition.NONE);
        if (hold) state.holding = true;
        for (uint8 rule; rule <= SILENCE; ++rule) {
            if (found & 1 << rule == 0) continue;
            ++state.breaches;
            (bytes4 code, uint8 severity) = rule == SILENCE
                ? (SILENT, CRITICAL)
                : rule == FALSIFIED ? (FALSE, CRITICAL) : (BREACH, policy.rules[rule].severity());
            emit BreachFound(policyId, policy.subject, device, quantity, rule, _breaches[key][rule], state.holding);
            emit Alert(policy.subject, code, policy.setter, severity, policyId);
        }
        _states[policyId] = state;
        if (hold) _hold(policy.subject, policyId);
    }

    function _hold(bytes32 subject, bytes32 policyId) private {
        EventRef memory none;
        TWINS.hold(subject, policyId, none);
    }

    function _mayHold(bytes32 subject, uint32 setter) private view returns (bool) {
        ITwins.Twin memory t = TWINS.twin(subject);
        if (t.end != ITwins.EndOfLife.NONE) return false;
        return t.owner == setter || TWINS.custodianOf(subject) == setter || CONSORTIUM.hasRole(setter, Role.REGULATOR);
    }

    /// @inheritdoc IConditions
    function dispose(bytes32 subject, uint32 setter, Disposition disposition, uint16 seen, bytes32 record) external {
        uint32 org = _authorize(Duty.QUALITY);
        bytes32 policyId = policyIdOf(subject, setter);
        PolicyState memory state = _states[policyId];
        if (disposition == Disposition.NONE) revert NoDisposition();
        if (!state.open) revert NoOpenBreach(policyId);
        if (seen != state.breaches) revert MoreBreaches(policyId, seen, state.breaches);
        if (msg.sender == state.setBy) revert SecondPersonNeeded(policyId, state.setBy);
        if (!CONSORTIUM.hasRole(org, Role.REGULATOR)) _checkDisposer(policyId, subject, setter, org, disposition);
        bool lift = disposition == Disposition.RELEASE && state.holding;
        bool hold = disposition != Disposition.RELEASE && !state.holding && _mayHold(subject, setter);
        state.open = disposition != Disposition.RELEASE;
        state.holding = (state.holding || hold) && !lift;
        state.disposition = disposition;
        _states[policyId] = state;
        emit Disposed(policyId, subject, org, msg.sender, disposition, record, state.holding);
        if (hold) _hold(subject, policyId);
        if (lift) {
            EventRef memory none;
            // slither-disable-next-line unused-return: its duties are not looked at
            (uint32 self,) = CONSORTIUM.accountOf(address(this));
            TWINS.release(subject, self, policyId, none);
        }
    }

    /// @dev May an organisation that is no regulator decide?
    function _checkDisposer(bytes32 policyId, bytes32 subject, uint32 setter, uint32 org, Disposition disposition)
        private
        view
    {
        if (_states[policyId].disposition == Disposition.REJECT) revert Rejected(policyId);
        bool may = org == TWINS.ownerOf(subject) || (org == setter && disposition != Disposition.REJECT);
        if (!may || CONSORTIUM.organisation(setter).roles & Role.REGULATOR != 0) revert MayNotDispose(policyId, org);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IConditions
    function policyIdOf(bytes32 subject, uint32 setter) public pure returns (bytes32) {
        return keccak256(abi.encode(subject, setter));
    }

    /// @inheritdoc IConditions
    function policyState(bytes32 policyId) external view returns (PolicyState memory) {
        return _states[policyId];
    }

    /// @inheritdoc IConditions
    function breach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule)
        external
        view
        returns (Breach memory)
    {
        return breachUnder(policyHash[policyId], device, quantity, rule);
    }

    /// @inheritdoc IConditions
    function breachUnder(bytes32 hash, bytes32 device, uint16 quantity, uint8 rule)
        public
        view
        returns (Breach memory)
    {
        return _breaches[_key(hash, device, quantity)][rule];
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _key(bytes32 hash, bytes32 device, uint16 quantity) internal pure returns (bytes32) {
        return keccak256(abi.encode(hash, device, quantity));
    }

    /// @dev Refuses a policy that is not in force, and a device that it does not name.
    function _keyInForce(Policy calldata policy, bytes32 device, uint16 quantity)
        internal
        view
        returns (bytes32 policyId, bytes32 key)
    {
        policyId = policyIdOf(policy.subject, policy.setter);
        bytes32 given = _hash(policy);
        if (policyHash[policyId] != given) revert NotInForce(policyId, policyHash[policyId], given);
        bool named;
        bytes32[] calldata devices = policy.devices;
        for (uint256 i; i < devices.length && !named; ++i) {
            named = devices[i] == device;
        }
        if (!named) revert DeviceNotNamed(policyId, device);
        key = _key(given, device, quantity);
    }

    /// @dev Hash of the ABI encoding of a policy, which is taken as it lies in calldata: whatever is encoded otherwise is
    /// no policy that is in force. Encoding it anew, field by field, would cost a third of all judging.
    function _hash(Policy calldata policy) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // Eight words, the last two for where the arrays are; the devices and the rules, each with their number.
            let size := add(288, shl(5, calldataload(add(policy, 256))))
            size := add(add(size, 32), shl(5, calldataload(add(policy, size))))
            // What does not fit into a transaction is no policy either, and not copied.
            size := mul(size, lt(size, 1024))
            let at := mload(0x40)
            mstore(at, 0x20)
            calldatacopy(add(at, 0x20), policy, size)
            hash := keccak256(at, add(size, 0x20))
        }
    }
}
