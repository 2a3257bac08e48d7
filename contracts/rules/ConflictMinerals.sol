// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {IConflictMinerals} from "../interfaces/IConflictMinerals.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILineage} from "../interfaces/ILineage.sol";
import {ILots} from "../interfaces/ILots.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {CmrtAnswers} from "../libraries/CmrtAnswers.sol";
import {FormSdRules} from "../libraries/FormSdRules.sol";
import {Duty} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {SmelterRegisters} from "./SmelterRegisters.sol";

// slither-disable-start incorrect-equality: what is compared has a time beside it in its word, not in it
/// @title ConflictMinerals
/// @notice See {IConflictMinerals}.
contract ConflictMinerals is SmelterRegisters {
    using CmrtAnswers for uint256;

    bytes4 private constant SMELTER = bytes4(keccak256("SMELTER"));
    bytes4 private constant FORM_SD_OVERDUE = bytes4(keccak256("FORM_SD_OVERDUE"));
    uint8 private constant MINOR = 1;
    uint8 private constant MAJOR = 2;

    /// @inheritdoc IConflictMinerals
    ILots public immutable LOTS;

    /// @inheritdoc IConflictMinerals
    ITwins public immutable TWINS;

    /// @inheritdoc IConflictMinerals
    ILineage public immutable LINEAGE;

    mapping(bytes32 declaration => Declaration) private _declarations;

    mapping(bytes32 declaration => Finding) private _judgements;

    mapping(bytes32 product => Finding) private _findings;

    /// @inheritdoc IConflictMinerals
    mapping(bytes32 product => bytes32) public coveredBy;

    mapping(bytes32 flagId => bool) private _flagged;

    constructor(IConsortium consortium, ILineage lineage) Module("Goldthread ConflictMinerals", consortium) {
        LINEAGE = lineage;
        LOTS = lineage.LOTS();
        TWINS = lineage.TWINS();
    }

    // ------------------------------------------------------------------------------------------- declarations

    /// @inheritdoc IConflictMinerals
    function declare(bytes32 product, uint16 year, Statement calldata statement, bytes32[] calldata smelters) external {
        if (!FormSdRules.isReportable(year)) revert WrongYear(year);
        uint32 org = _authorize(Duty.QUALITY);
        _checkMaker(product, org);
        bytes32 id = declarationId(product, year);
        uint32 newest = _declarations[id].version;
        if (newest != 0) revert NotNewestVersion(product, year, 0, newest);
        _declare(product, year, org, 1, statement, smelters, 0);
        if (TWINS.twin(product).kind != ITwins.Kind.DESIGN) _cover(product, id, org);
    }

    /// @inheritdoc IConflictMinerals
    function supersede(
        bytes32 product,
        uint16 year,
        uint32 version,
        Statement calldata statement,
        bytes32[] calldata smelters,
        bytes32 reason
    ) external {
        (bytes32 id, Declaration storage d, uint32 org) = _authorizeDeclarer(product, year);
        if (version != d.version) revert NotNewestVersion(product, year, version, d.version);
        Finding memory before = _judgements[id];
        _replace(before, _declare(product, year, org, version + 1, statement, smelters, reason));
    }

    /// @inheritdoc IConflictMinerals
    function cover(bytes32 product, uint16 year, bytes32[] calldata products) external {
        (bytes32 id,, uint32 org) = _authorizeDeclarer(product, year);
        for (uint256 i; i < products.length; ++i) {
            _checkMaker(products[i], org);
            if (TWINS.twin(products[i]).kind == ITwins.Kind.DESIGN) revert NotCoverable(products[i]);
            _cover(products[i], id, org);
        }
    }

    /// @inheritdoc IConflictMinerals
    function judge(bytes32 product, uint16 year, bytes32[] calldata smelters) external {
        (bytes32 id, Declaration storage d) = _known(product, year);
        (bytes32 root, Finding memory f) = _judge(d.register, d.answers, smelters);
        if (root != d.root) revert OtherSmelters(product, year, root);
        _judgements[id] = f;
        emit Judged(product, year, msg.sender, f);
    }

    function _declare(
        bytes32 product,
        uint16 year,
        uint32 org,
        uint32 version,
        Statement calldata s,
        bytes32[] calldata smelters,
        bytes32 reason
    ) private returns (Finding memory f) {
        if (s.register == org || !CONSORTIUM.hasRole(s.register, REGISTER_ROLES)) {
            revert NotARegister(s.register, org);
        }
        s.answers.check();
        bytes32 root;
        (root, f) = _judge(s.register, s.answers, smelters);
        bytes32 id = declarationId(product, year);
        Declaration storage d = _declarations[id];
        (d.org, d.version, d.register, d.smelters) = (org, version, s.register, uint32(smelters.length));
        (d.outside, d.origin, d.benefited) = (s.outside, s.origin, s.benefited);
        (d.answers, d.root, d.document) = (s.answers, root, s.document);
        _judgements[id] = f;
        emit Declared(product, org, year, msg.sender, version, s, reason, smelters);
        emit Judged(product, year, msg.sender, f);
    }

    function _cover(bytes32 product, bytes32 id, uint32 org) private {
        bytes32 former = coveredBy[product];
        coveredBy[product] = id;
        emit ProductCovered(product, id, org, msg.sender);
        if (former != 0) _replace(_judgements[former], _judgements[id]);
    }

    /// @dev The root of the smelters, and the verdict by how each of them stands in the register now.
    function _judge(uint32 register, uint256 answers, bytes32[] calldata smelters)
        private
        view
        returns (bytes32 root, Finding memory f)
    {
        f = Finding(Verdict.NO_MINERALS, false, FOREVER, uint40(block.timestamp), clock, register);
        bytes32[] memory leaves = new bytes32[](smelters.length);
        (uint256 named, bytes32 last) = (0, 0);
        for (uint256 i; i < smelters.length; ++i) {
            bytes32 smelter = smelters[i];
            // forge-lint: disable-next-line(unsafe-typecast)
            uint8 metal = uint8(uint256(smelter));
            if (smelter <= last || metal >= CmrtAnswers.METALS || !answers.remains(metal)) {
                revert WrongSmelter(i, smelter);
            }
            (last, named) = (smelter, named | 1 << metal);
            // forge-lint: disable-next-line(unsafe-typecast)
            leaves[i] = MerkleLeaves.smelter(uint32(i), smelter);
            if (answers.isRecycled(metal)) continue;
            (Verdict verdict, uint40 until) = _smelterNow(register, smelter);
            _join(f, verdict, until);
        }
        for (uint256 metal; metal < CmrtAnswers.METALS; ++metal) {
            if (!answers.remains(metal)) continue;
            if (answers.isRecycled(metal)) {
                _join(f, Verdict.RECYCLED, FOREVER);
            } else if (named & 1 << metal == 0 || !answers.isComplete(metal)) {
                _join(f, Verdict.UNDETERMINABLE, FOREVER);
            }
        }
        root = _rootOf(leaves);
    }

    /// @dev Each level is paired from left to right, and a node without a neighbour moves up.
    function _rootOf(bytes32[] memory nodes) private pure returns (bytes32) {
        uint256 width = nodes.length;
        if (width == 0) return 0;
        while (width > 1) {
            uint256 half = width / 2;
            for (uint256 i; i < half; ++i) {
                nodes[i] = MerkleLeaves.node(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (width % 2 != 0) nodes[half] = nodes[width - 1];
            width -= half;
        }
        return nodes[0];
    }

    // -------------------------------------------------------------------------------------------- evaluations

    /// @inheritdoc IConflictMinerals
    function evaluate(ILineage.Ancestor[] calldata ancestors) external returns (Verdict verdict) {
        Finding memory f = assess(ancestors);
        bytes32 product = ancestors[0].product;
        _findings[product] = f;
        emit Evaluated(product, msg.sender, f);
        return f.verdict;
    }

    /// @inheritdoc IConflictMinerals
    function assess(ILineage.Ancestor[] calldata ancestors) public view returns (Finding memory f) {
        if (ancestors.length == 0) revert NoProduct();
        f = Finding(Verdict.NO_MINERALS, false, FOREVER, uint40(block.timestamp), clock, 0);
        bool[] memory named = new bool[](ancestors.length);
        named[0] = true;
        for (uint256 i; i < ancestors.length; ++i) {
            bytes32 product = ancestors[i].product;
            if (!named[i]) revert NotNamedBefore(product);
            _joinDeclaration(f, product);
            bytes32 lot = LOTS.lotOfUnit(product);
            bytes32 process = LINEAGE.originOf(product);
            bytes32 head = lot == 0 ? LINEAGE.inputsHead(process) : lot;
            if (ancestors[i].inputs.length == 0 && head != 0) {
                // The product itself rests on no finding of its own.
                if (i == 0) revert WrongInputs(product);
                _joinFinding(f, product);
                continue;
            }
            if (i == 0) f.originless = lot == 0 && process == 0;
            bytes32 told = lot == 0 ? _inputsHead(ancestors, i, named) : _lotOf(ancestors, i, named);
            if (told != head) revert WrongInputs(product);
            if (process != 0 && !LINEAGE.processOf(process).finalised) _join(f, Verdict.UNDETERMINABLE, FOREVER);
        }
        if (f.verdict >= Verdict.UNDETERMINABLE) f.validUntil = FOREVER;
    }

    /// @dev The product's own declaration; without one it is undeterminable.
    function _joinDeclaration(Finding memory f, bytes32 product) private view {
        Finding memory judgement = _judgements[coveredBy[product]];
        (Verdict verdict,) = _shown(judgement);
        _join(f, verdict, judgement.verdict == Verdict.NONE ? FOREVER : judgement.validUntil);
        _rest(f, judgement.registers, product);
    }

    /// @dev What was found for the product, if that is still good.
    function _joinFinding(Finding memory f, bytes32 product) private view {
        Finding memory found = _findings[product];
        (Verdict verdict, bool stale) = _shownOfProduct(found);
        if (stale || found.verdict == Verdict.NONE) revert WrongInputs(product);
        _join(f, verdict, found.validUntil);
        _rest(f, found.registers, product);
    }

    /// @dev The chain of the inputs that the list names for the product in this place.
    function _inputsHead(ILineage.Ancestor[] calldata ancestors, uint256 i, bool[] memory named)
        private
        pure
        returns (bytes32 head)
    {
        ILineage.Ancestor calldata a = ancestors[i];
        if (a.inputs.length != a.quantities.length) revert WrongInputs(a.product);
        for (uint256 j; j < a.inputs.length; ++j) {
            uint256 place = a.inputs[j];
            if (place >= ancestors.length) revert WrongInputs(a.product);
            named[place] = true;
            head = keccak256(abi.encode(head, ancestors[place].product, a.quantities[j]));
        }
    }

    /// @dev The lot that the list names for the unit in this place.
    function _lotOf(ILineage.Ancestor[] calldata ancestors, uint256 i, bool[] memory named)
        private
        pure
        returns (bytes32)
    {
        uint256[] calldata inputs = ancestors[i].inputs;
        if (inputs.length != 1 || inputs[0] >= ancestors.length) revert WrongInputs(ancestors[i].product);
        named[inputs[0]] = true;
        return ancestors[inputs[0]].product;
    }

    // -------------------------------------------------------------------------------------- alerts and filing

    /// @inheritdoc IConflictMinerals
    function flag(bytes32 product, uint16 year, bytes32 smelter, uint32 index, bytes32[] calldata proof) external {
        (bytes32 id, Declaration storage d) = _known(product, year);
        bytes32 leaf = MerkleLeaves.smelter(index, smelter);
        if (!MerkleProof.verifyCalldata(proof, d.root, leaf, MerkleLeaves.node)) {
            revert NotInDeclaration(product, year, smelter);
        }
        (Verdict verdict,) = _smelterNow(d.register, smelter);
        if (verdict <= Verdict.ACTIVE || d.answers.isRecycled(uint8(uint256(smelter)))) {
            revert NothingToFlag(smelter, verdict);
        }
        bytes32 flagId = _flagId(id, d.version, smelter, verdict);
        if (_flagged[flagId]) revert FlaggedBefore(product, year);
        _flagged[flagId] = true;
        emit SmelterFlagged(product, smelter, year, msg.sender, d.version, verdict);
        emit Alert(product, SMELTER, d.org, verdict == Verdict.NON_CONFORMANT ? MAJOR : MINOR, smelter);
    }

    /// @inheritdoc IConflictMinerals
    function file(bytes32 product, uint16 year, bytes32 document) external {
        (, Declaration storage d, uint32 org) = _authorizeDeclarer(product, year);
        Outcome outcome_ = _outcome(d);
        if (outcome_ == Outcome.NO_FILING) revert NothingToFile(product, year);
        if (block.timestamp < FormSdRules.startOf(uint256(year) + 1)) revert YearNotOver(year, block.timestamp);
        uint32 version = d.version;
        if (d.filedVersion == version) revert AlreadyFiled(product, year, version);
        uint40 now_ = uint40(block.timestamp);
        if (d.filedVersion == 0) d.filedAt = now_;
        d.filedVersion = version;
        emit FormSdFiled(
            product, org, year, msg.sender, version, outcome_, document, now_, now_ > FormSdRules.dueAt(year)
        );
    }

    /// @inheritdoc IConflictMinerals
    function flagOverdue(bytes32 product, uint16 year) external {
        (bytes32 id, Declaration storage d) = _known(product, year);
        uint40 due = FormSdRules.dueAt(year);
        if (_outcome(d) == Outcome.NO_FILING) revert NothingToFile(product, year);
        if (d.filedVersion != 0 || block.timestamp <= due) revert FilingNotOverdue(product, year, due);
        if (d.overdue) revert FlaggedBefore(product, year);
        d.overdue = true;
        emit FilingOverdue(product, d.org, year, msg.sender);
        emit Alert(product, FORM_SD_OVERDUE, d.org, MAJOR, id);
    }

    // ------------------------------------------------------------------------------------------------ reading

    /// @inheritdoc IConflictMinerals
    function verdictOf(bytes32 product) external view returns (Verdict verdict, bool stale) {
        Finding memory f = _findings[product];
        (verdict, stale) = _shownOfProduct(f);
        // A part may have come out of a process since.
        if (f.originless && verdict < Verdict.UNDETERMINABLE && LINEAGE.originOf(product) != 0) {
            return (Verdict.UNDETERMINABLE, true);
        }
    }

    /// @inheritdoc IConflictMinerals
    function standingOf(bytes32 declaration) external view returns (Verdict verdict, bool stale) {
        return _shown(_judgements[declaration]);
    }

    /// @inheritdoc IConflictMinerals
    function findingOf(bytes32 product) external view returns (Finding memory) {
        return _findings[product];
    }

    /// @inheritdoc IConflictMinerals
    function judgementOf(bytes32 declaration) external view returns (Finding memory) {
        return _judgements[declaration];
    }

    /// @inheritdoc IConflictMinerals
    function declarationOf(bytes32 declaration) external view returns (Declaration memory) {
        return _declarations[declaration];
    }

    /// @inheritdoc IConflictMinerals
    function isFlagged(bytes32 declaration, uint32 version, bytes32 smelter, Verdict verdict)
        external
        view
        returns (bool)
    {
        return _flagged[_flagId(declaration, version, smelter, verdict)];
    }

    /// @inheritdoc IConflictMinerals
    function outcomeOf(bytes32 declaration) external view returns (Outcome) {
        return _outcome(_declarations[declaration]);
    }

    /// @inheritdoc IConflictMinerals
    function outcome(FormSd calldata facts) external pure returns (Outcome) {
        return FormSdRules.outcome(facts);
    }

    /// @inheritdoc IConflictMinerals
    function formSdOf(Statement calldata s) external pure returns (FormSd memory) {
        s.answers.check();
        return _formSd(s.answers, s.outside, s.origin, s.benefited);
    }

    /// @inheritdoc IConflictMinerals
    function dueAt(uint16 year) external pure returns (uint40) {
        return FormSdRules.dueAt(year);
    }

    /// @inheritdoc IConflictMinerals
    function declarationId(bytes32 product, uint16 year) public pure returns (bytes32) {
        return keccak256(abi.encode(product, year));
    }

    function _outcome(Declaration storage d) private view returns (Outcome) {
        return FormSdRules.outcome(_formSd(d.answers, d.outside, d.origin, d.benefited));
    }

    function _formSd(uint256 answers, bool outside, Answer origin, Answer benefited)
        private
        pure
        returns (FormSd memory f)
    {
        (f.outside, f.recycled, f.origin, f.benefited) = (outside, true, origin, benefited);
        for (uint256 metal; metal < CmrtAnswers.METALS; ++metal) {
            if (!answers.remains(metal)) continue;
            f.necessary = true;
            if (answers.isRecycled(metal)) continue;
            f.recycled = false;
            if (answers.answer(metal, 3) != uint8(Answer.NO)) f.reason = true;
        }
        if (!f.necessary) f.recycled = false;
    }

    function _flagId(bytes32 declaration, uint32 version, bytes32 smelter, Verdict verdict)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(declaration, version, smelter, verdict));
    }

    function _makerOf(bytes32 product) private view returns (uint32 maker) {
        maker = LOTS.lotOf(product).maker;
        if (maker == 0) maker = TWINS.twin(product).maker;
    }

    function _checkMaker(bytes32 product, uint32 org) private view {
        uint32 maker = _makerOf(product);
        if (maker != org) revert NotTheMaker(product, org, maker);
    }

    function _known(bytes32 product, uint16 year) private view returns (bytes32 id, Declaration storage d) {
        id = declarationId(product, year);
        d = _declarations[id];
        if (d.version == 0) revert NotDeclared(product, year);
    }

    /// @dev The maker that declared.
    function _authorizeDeclarer(bytes32 product, uint16 year)
        private
        view
        returns (bytes32 id, Declaration storage d, uint32 org)
    {
        org = _authorize(Duty.QUALITY);
        (id, d) = _known(product, year);
        if (d.org != org) revert NotTheMaker(product, org, d.org);
    }
}
// slither-disable-end incorrect-equality
