// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDesignControl} from "../interfaces/IDesignControl.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {ItemWord, ItemWordLib, ProjectWord} from "../libraries/DesignWords.sol";
import {Duty} from "../libraries/Membership.sol";

// slither-disable-start incorrect-equality: what is compared has a time beside it in its word, not in it
/// @title DesignMatrix
/// @notice The items of a project, their links and results, and which gates they hold; see {IDesignControl}.
abstract contract DesignMatrix is IDesignControl, Module {
    bytes4 private constant DESIGN_REOPENED = bytes4(keccak256("DESIGN_REOPENED"));
    uint8 private constant MAJOR = 2;

    /// @inheritdoc IDesignControl
    IRecords public immutable RECORDS;

    /// @inheritdoc IDesignControl
    ITwins public immutable TWINS;

    mapping(bytes32 design => ProjectWord) internal _projects;

    mapping(bytes32 design => Forms) internal _forms;

    mapping(bytes32 design => mapping(bytes32 item => ItemWord)) private _items;

    mapping(bytes32 design => mapping(bytes32 item => bytes32)) private _contents;

    /// @dev Two slots each; the second is the record. One that is not current any more is left as it was.
    mapping(bytes32 design => mapping(bytes32 from => mapping(bytes32 to => Link))) private _links;

    /// @inheritdoc IDesignControl
    mapping(bytes32 design => mapping(address account => uint8)) public authored;

    constructor(IConsortium consortium, IRecords records) Module("Goldthread DesignControl", consortium) {
        RECORDS = records;
        TWINS = records.TWINS();
    }

    /// @inheritdoc IDesignControl
    function draft(bytes32 design, Revision[] calldata revisions, Neighbours[] calldata neighbours) external {
        uint32 org = _authorizeOwner(design, Duty.RECORD);
        ProjectWord p = _known(design);
        Gate earliest;
        (p, earliest) = _reviseAll(design, org, p, revisions, neighbours, msg.sender, 0);
        if (p.baseline() >= earliest) revert Baselined(design, earliest, p.baseline());
        _projects[design] = p;
    }

    /// @inheritdoc IDesignControl
    function link(bytes32 design, Pair[] calldata pairs) external {
        uint32 org = _authorizeOwner(design, Duty.RECORD);
        ProjectWord p = _known(design);
        for (uint256 i; i < pairs.length; ++i) {
            p = _link(design, org, p, pairs[i].from, pairs[i].to);
        }
        _projects[design] = p;
    }

    /// @inheritdoc IDesignControl
    function report(bytes32 design, bytes32 test, bytes32 record, Finding[] calldata findings) external {
        uint32 org = _authorizeOwner(design, Duty.RECORD);
        ProjectWord p = _known(design);
        if (p.stage() < Gate.REVIEW) revert NotReviewed(design, p.stage());
        Kind kind = _live(design, test).kind();
        if (kind < Kind.VERIFICATION) revert NotATest(design, test, kind);
        bytes32 form = kind == Kind.VERIFICATION ? _forms[design].verification : _forms[design].validation;
        (address author, uint40 recordedAt) = _evidence(design, record, form);
        for (uint256 i; i < findings.length; ++i) {
            (bytes32 item, bool passed) = (findings[i].item, findings[i].passed);
            Link storage l = _current(design, test, item);
            if (l.record == record) revert SameRecord(design, test, item, record);
            _checkAge(record, recordedAt, l.since);
            (l.since, l.record) = (uint40(block.timestamp), record);
            _note(design, msg.sender, kind);
            _note(design, author, kind);
            p = _settle(design, p, l, item, passed ? Result.PASSED : Result.FAILED).next();
            emit Reported(
                design, org, test, msg.sender, author, item, passed, record, p.edition(), uint40(block.timestamp)
            );
        }
        _save(design, org, p, Gate.TRANSFER, record);
    }

    /// @inheritdoc IDesignControl
    function lapse(bytes32 design, bytes32 test, bytes32 item) external {
        Link storage l = _current(design, test, item);
        bytes32 record = l.record;
        if (l.result == Result.NONE) revert NoResult(design, test, item);
        if (RECORDS.complete(record)) revert StillComplete(design, record);
        ProjectWord p = _settle(design, _projects[design], l, item, Result.NONE).next();
        uint32 org = TWINS.ownerOf(design);
        emit ResultLapsed(design, org, test, msg.sender, item, record, p.edition());
        _save(design, org, p, Gate.TRANSFER, record);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDesignControl
    function projectOf(bytes32 design) external view returns (Project memory) {
        ProjectWord p = _projects[design];
        return Project({
            stage: p.stage(),
            baseline: p.baseline(),
            version: p.version(),
            changes: p.changes(),
            openChanges: p.openChanges(),
            reopenedAt: p.reopenedAt(),
            edition: p.edition(),
            needs: p.needs(),
            openInputs: p.held(Gate.INPUTS),
            openOutputs: p.held(Gate.OUTPUTS),
            openVerification: p.held(Gate.VERIFICATION),
            openValidation: p.held(Gate.VALIDATION)
        });
    }

    /// @inheritdoc IDesignControl
    function formsOf(bytes32 design) external view returns (Forms memory) {
        return _forms[design];
    }

    /// @inheritdoc IDesignControl
    function itemOf(bytes32 design, bytes32 item) external view returns (Item memory) {
        ItemWord i = _items[design][item];
        return Item({
            author: i.author(),
            kind: i.kind(),
            source: i.source(),
            revision: i.revision(),
            up: i.up(),
            down: i.down(),
            tests: i.tests(),
            passed: i.passed(),
            content: _contents[design][item]
        });
    }

    /// @inheritdoc IDesignControl
    function holds(bytes32 design, bytes32 item, Gate gate) external view returns (bool) {
        return ProjectWord.wrap(_items[design][item].weight()).held(gate) != 0;
    }

    /// @inheritdoc IDesignControl
    function linkOf(bytes32 design, bytes32 from, bytes32 to) external view returns (Link memory) {
        return _links[design][from][to];
    }

    /// @inheritdoc IDesignControl
    function isCurrent(bytes32 design, bytes32 from, bytes32 to) public view returns (bool) {
        Link storage l = _links[design][from][to];
        (uint16 fromRevision, uint16 toRevision) = (l.fromRevision, l.toRevision);
        return fromRevision != 0 && fromRevision == _items[design][from].revision()
            && toRevision == _items[design][to].revision();
    }

    // ----------------------------------------------------------------------------------------------- internal

    /// @dev The caller's organisation, which must have title to the design's twin.
    function _authorizeOwner(bytes32 design, uint32 duties) internal view returns (uint32 org) {
        return _authorizeOwner(design, duties, msg.sender);
    }

    /// @dev The account's organisation, which must have title to the design's twin.
    function _authorizeOwner(bytes32 design, uint32 duties, address account) internal view returns (uint32 org) {
        org = CONSORTIUM.authorize(account, 0, duties);
        uint32 owner = TWINS.ownerOf(design);
        if (org != owner) revert NotDesignOwner(design, org, owner);
    }

    function _known(bytes32 design) internal view returns (ProjectWord p) {
        p = _projects[design];
        if (!p.exists()) revert UnknownProject(design);
    }

    /// @dev Author and time of a complete record about the design, of this form.
    function _evidence(bytes32 design, bytes32 record, bytes32 form)
        internal
        view
        returns (address author, uint40 recordedAt)
    {
        IRecords.Entry memory e = RECORDS.recordOf(record);
        bool fits = form == 0 || form == e.schema || form == RECORDS.schema(e.schema).line;
        if (!e.complete || e.subject != design || !fits) {
            revert NotEvidence(design, record, e.subject, e.schema, form, e.complete);
        }
        return (e.author, e.recordedAt);
    }

    /// @dev As {_evidence}, recorded since then.
    function _checkEvidence(bytes32 design, bytes32 record, bytes32 form, uint40 since) internal view {
        (, uint40 recordedAt) = _evidence(design, record, form);
        _checkAge(record, recordedAt, since);
    }

    /// @dev The account wrote something of this kind.
    function _note(bytes32 design, address account, Kind kind) internal {
        authored[design][account] |= uint8(1 << uint8(kind));
    }

    /// @dev Revises items.
    /// @param author Who wrote what is no record.
    /// @return The project, and the earliest of their gates.
    function _reviseAll(
        bytes32 design,
        uint32 org,
        ProjectWord p,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours,
        address author,
        uint32 change
    ) internal returns (ProjectWord, Gate) {
        if (revisions.length == 0 || revisions.length != neighbours.length) {
            revert RevisionsDiffer(revisions.length, neighbours.length);
        }
        Gate earliest = Gate.TRANSFER;
        for (uint256 i; i < revisions.length; ++i) {
            p = _revise(design, org, p, revisions[i], neighbours[i], author, change);
            Gate gate = ItemWordLib.gateOf(revisions[i].kind);
            if (gate < earliest) earliest = gate;
        }
        return (p, earliest);
    }

    /// @dev Who wrote a revision: of a record its author, else `author`.
    function _authorOf(bytes32 design, Revision calldata r, address author) internal view returns (address) {
        if (r.source == Source.RECORD) (author,) = _evidence(design, r.content, 0);
        return author;
    }

    /// @dev Writes the project. Before that it falls back to before the gates that are held, and to no more than `most`.
    /// @param ref The record because of which that happens.
    function _save(bytes32 design, uint32 org, ProjectWord p, Gate most, bytes32 ref) internal {
        (Gate stage, Gate limit) = (p.stage(), p.limit());
        if (limit < most) most = limit;
        bool reopened = stage > most;
        if (reopened) p = p.withReopened(most, uint40(block.timestamp));
        _projects[design] = p;
        if (reopened) emit Reopened(design, org, most, msg.sender, p.edition(), uint40(block.timestamp));
        if (reopened && stage == Gate.TRANSFER) emit Alert(design, DESIGN_REOPENED, org, MAJOR, ref);
    }

    // ------------------------------------------------------------------------------------------------ private

    function _revise(
        bytes32 design,
        uint32 org,
        ProjectWord p,
        Revision calldata r,
        Neighbours calldata n,
        address author,
        uint32 change
    ) private returns (ProjectWord) {
        bytes32 id = r.item;
        ItemWord item = _items[design][id];
        _checkRevision(design, r, item);
        author = _authorOf(design, r, author);
        p = _cut(design, p, id, item, n);
        ItemWord revised = ItemWordLib.pack(author, r.kind, r.source, r.revision);
        (_items[design][id], _contents[design][id]) = (revised, r.content);
        _note(design, author, r.kind);
        p = p.recounted(item, revised).next();
        emit ItemRevised(
            design, org, id, msg.sender, author, r.kind, r.source, r.revision, r.content, change, p.edition()
        );
        return p;
    }

    function _checkRevision(bytes32 design, Revision calldata r, ItemWord item) private pure {
        bool goes = r.source == Source.WITHDRAWN;
        if (r.item == 0 || r.kind == Kind.NONE || goes != (r.content == 0)) {
            revert IncompleteItem(r.item, r.kind, r.source, r.content);
        }
        uint16 revision = item.revision();
        if (revision != 0 && item.kind() != r.kind) revert OtherKind(design, r.item, item.kind(), r.kind);
        if (r.revision != revision + 1) revert NotNextRevision(design, r.item, revision + 1, r.revision);
        if (goes && !item.lives()) revert UnknownItem(design, r.item);
    }

    /// @dev Takes all current links of an item from the counts of its neighbours.
    function _cut(bytes32 design, ProjectWord p, bytes32 id, ItemWord item, Neighbours calldata n)
        private
        returns (ProjectWord)
    {
        uint256 below = uint256(item.down()) + item.tests();
        if (n.up.length != item.up() || n.down.length != below) {
            revert WrongNeighbours(design, id, item.up(), n.up.length, below, n.down.length);
        }
        bool test = item.isTest();
        bytes32 last;
        for (uint256 i; i < n.up.length; ++i) {
            last = _ascending(last, n.up[i]);
            bool passed = _current(design, id, last).result == Result.PASSED;
            ItemWord other = _items[design][last];
            p = _replace(design, p, last, other, other.cutDown(test).tested(passed, false));
        }
        last = 0;
        for (uint256 i; i < n.down.length; ++i) {
            last = _ascending(last, n.down[i]);
            _current(design, last, id);
            ItemWord other = _items[design][last];
            p = _replace(design, p, last, other, other.cutUp());
        }
        return p;
    }

    function _checkAge(bytes32 record, uint40 recordedAt, uint40 since) private pure {
        if (recordedAt < since) revert EvidenceTooOld(record, recordedAt, since);
    }

    function _ascending(bytes32 last, bytes32 given) private pure returns (bytes32) {
        if (given <= last) revert NotAscending(last, given);
        return given;
    }

    function _link(bytes32 design, uint32 org, ProjectWord p, bytes32 from, bytes32 to) private returns (ProjectWord) {
        (ItemWord f, ItemWord t) = (_live(design, from), _live(design, to));
        (Kind kind, Gate gate) = (f.kind(), ItemWordLib.gateOf(f.kind()));
        if (!_fits(kind, t.kind())) revert WrongLink(from, kind, to, t.kind());
        if (p.stage() >= gate) revert GateClosed(design, from, gate);
        if (isCurrent(design, from, to)) revert AlreadyLinked(design, from, to);
        uint40 time = uint40(block.timestamp);
        _links[design][from][to] = Link(f.revision(), t.revision(), Result.NONE, time, 0);
        p = _replace(design, p, from, f, f.linkedUp());
        p = _replace(design, p, to, t, t.linkedDown(f.isTest())).next();
        _note(design, msg.sender, kind);
        emit Linked(design, org, from, msg.sender, to, f.revision(), t.revision(), p.edition(), time);
        return p;
    }

    /// @dev Gives a link another result.
    function _settle(bytes32 design, ProjectWord p, Link storage l, bytes32 id, Result result)
        private
        returns (ProjectWord)
    {
        ItemWord item = _items[design][id];
        ItemWord tested = item.tested(l.result == Result.PASSED, result == Result.PASSED);
        l.result = result;
        return _replace(design, p, id, item, tested);
    }

    function _replace(bytes32 design, ProjectWord p, bytes32 id, ItemWord before, ItemWord afterwards)
        private
        returns (ProjectWord)
    {
        _items[design][id] = afterwards;
        return p.recounted(before, afterwards);
    }

    function _live(bytes32 design, bytes32 id) private view returns (ItemWord item) {
        item = _items[design][id];
        if (!item.lives()) revert UnknownItem(design, id);
    }

    function _current(bytes32 design, bytes32 from, bytes32 to) private view returns (Link storage) {
        if (!isCurrent(design, from, to)) revert NotLinked(design, from, to);
        return _links[design][from][to];
    }

    function _fits(Kind from, Kind to) private pure returns (bool) {
        if (from == Kind.INPUT) return to == Kind.NEED || to == Kind.RISK;
        if (from == Kind.OUTPUT) return to == Kind.INPUT;
        if (from == Kind.VERIFICATION) return to == Kind.INPUT || to == Kind.OUTPUT;
        return from == Kind.VALIDATION && to == Kind.NEED;
    }
}
// slither-disable-end incorrect-equality
