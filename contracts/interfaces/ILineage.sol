// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {EventRef, ITwins} from "./ITwins.sol";

/// @title ILineage
/// @notice What was made of what. A process is a transformation as EPCIS means it: any of its inputs may be in any of
/// its outputs, in whatever order they were told. And what is installed in what, since when.
///
/// Guarantees:
/// - A lot or part comes out of one process at most, and a finalised or recalled process takes and gives nothing more.
/// - Both directions are provably complete: inputs and outputs of a process are hash chains, and so are the uses
///   of a lot ({ILots.useHead}), which grow in the step that takes the quantity.
///
/// Assumptions: the organisation tells truly what it put in and took out.
interface ILineage is IModule {
    /// @notice The facts of a process, in one slot.
    /// @param org Organisation that runs it; 0: there is none.
    /// @param inputs Number of inputs.
    /// @param outputs Number of outputs.
    /// @param finalised True once nothing more goes in or comes out.
    /// @param recalls Open recalls of which it is a member.
    /// @param recall The one of them that came first while there was no other; 0: none.
    struct Process {
        uint32 org;
        uint32 inputs;
        uint32 outputs;
        bool finalised;
        uint16 recalls;
        uint32 recall;
    }

    /// @notice A product on the way back to everything it was made of. Of a list, each input is named by its place.
    /// @param product Lot or part.
    /// @param inputs Places of the inputs of its process in the list; of a unit with a history of its own, the place of
    /// its lot.
    /// @param quantities How much of each went in; of such a unit none.
    struct Ancestor {
        bytes32 product;
        uint256[] inputs;
        uint96[] quantities;
    }

    /// @notice What a part is installed in.
    /// @param parent The assembly; zero: nothing.
    /// @param since When it was installed.
    struct Association {
        bytes32 parent;
        uint40 since;
    }

    /// @notice A process began.
    /// @param process keccak256(abi.encode(org, transformationId)).
    event ProcessOpened(bytes32 indexed process, uint32 indexed org, bytes32 indexed transformationId, address caller);
    /// @notice A quantity of a lot went in. The event it stands for is in the {Transformed} behind it.
    event InputAdded(bytes32 indexed process, bytes32 indexed lot, uint32 indexed org, uint96 quantity);
    /// @notice A lot or part came out. The event it stands for is in the {Transformed} behind it.
    event OutputAdded(bytes32 indexed process, bytes32 indexed product, uint32 indexed org);
    /// @notice One transformation event was told in full: so many inputs and outputs before this.
    event Transformed(
        bytes32 indexed process, uint32 indexed org, address caller, uint256 inputs, uint256 outputs, EventRef ref
    );
    /// @notice Nothing more goes in or comes out.
    /// @param yield Share of the theoretical yield that was reached, in parts per million; 0: not told.
    event ProcessFinalised(bytes32 indexed process, uint32 indexed org, address caller, uint32 yield, EventRef ref);
    /// @notice The process is a member of the recall with this number.
    event ProcessRecalled(bytes32 indexed process, uint32 indexed recall);
    /// @notice The process is no member of the recall any more.
    event ProcessRecallLifted(bytes32 indexed process, uint32 indexed recall);
    /// @notice A part was installed in an assembly.
    event Installed(
        bytes32 indexed child, bytes32 indexed parent, uint32 indexed org, address caller, uint40 since, EventRef ref
    );
    /// @notice A part was removed from an assembly.
    event Removed(
        bytes32 indexed child, bytes32 indexed parent, uint32 indexed org, address caller, uint40 until, EventRef ref
    );

    /// @notice No process has this id.
    error UnknownProcess(bytes32 process);
    /// @notice The organisation has told this transformation already: add to it.
    error ProcessExists(bytes32 process);
    /// @notice Another organisation runs the process.
    error NotProcessOwner(bytes32 process, uint32 org, uint32 owner);
    /// @notice The process is finalised or recalled.
    error ProcessEnded(bytes32 process, bool finalised, uint16 recalls);
    /// @notice Nothing went in and nothing came out.
    error NothingNamed();
    /// @notice A yield is at most all that theory allows and as much again: 2,000,000.
    error YieldOutOfRange(uint32 yield);
    /// @notice A part comes out of a process of its maker, once; `origin` is the process, or the lot of a unit.
    error NotAnOutput(bytes32 product, uint32 maker, bytes32 origin);
    /// @notice Two organisations have custody of the two things.
    error NotTogether(bytes32 child, bytes32 parent, uint32 childCustodian, uint32 parentCustodian);
    /// @notice The part is installed in something already.
    error AlreadyInstalled(bytes32 child, bytes32 parent);
    /// @notice The part is installed in nothing.
    error NotInstalled(bytes32 child);
    /// @notice Parts and assets are installed in assets and parts, not in themselves, and at most 8 levels deep; what is
    /// in the part already is not counted.
    error NotInstallable(bytes32 child, bytes32 parent);

    /// @notice Tells a transformation: opens its process, with inputs and outputs. Duty REGISTER; each input in the
    /// organisation's custody and neither held nor recalled. Emits {ProcessOpened} and what {addInputs} and {addOutputs}
    /// emit, and {ProcessFinalised}.
    /// @param transformationId Hash of the EPCIS transformationID, or of the event if it has none.
    /// @param outputs Lots to commission.
    /// @param parts Twins that the organisation made in it.
    /// @param last True if nothing more will go in or come out.
    function transform(
        bytes32 transformationId,
        ILots.Part[] calldata inputs,
        ILots.Commission[] calldata outputs,
        bytes32[] calldata parts,
        bool last,
        EventRef calldata ref
    ) external returns (bytes32 process);

    /// @notice Tells more inputs of an open process; they may be in outputs told before. Emits {InputAdded} for each.
    function addInputs(bytes32 process, ILots.Part[] calldata inputs, EventRef calldata ref) external;

    /// @notice Tells more outputs of an open process. Emits {OutputAdded} for each.
    function addOutputs(
        bytes32 process,
        ILots.Commission[] calldata outputs,
        bytes32[] calldata parts,
        EventRef calldata ref
    ) external;

    /// @notice Ends a process. Duty REGISTER. Emits {ProcessFinalised}.
    /// @param yield Share of the theoretical yield that was reached (21 CFR 211.103), in parts per million; 0: not told.
    function finalise(bytes32 process, uint32 yield, EventRef calldata ref) external;

    /// @notice Installs a part in an assembly. Custodian of both, duty REGISTER. Emits {Installed}.
    function install(bytes32 child, bytes32 parent, EventRef calldata ref) external;

    /// @notice Removes a part from its assembly. Custodian of both, duty REGISTER. Emits {Removed}.
    function remove(bytes32 child, EventRef calldata ref) external;

    /// @notice Removes a part and installs another in its place. As {remove} and {install}.
    function replace(bytes32 child, bytes32 successor, EventRef calldata ref) external;

    /// @notice Makes processes members of a recall. Modules with the duty RECALL only. Emits {ProcessRecalled} for each
    /// new one.
    function markRecalled(bytes32[] calldata processes, uint32 recall) external returns (uint32 added);

    /// @notice Ends the membership of processes in a recall. Modules with the duty RECALL only.
    /// Emits {ProcessRecallLifted}.
    function unmarkRecalled(bytes32[] calldata processes, uint32 recall) external;

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The module that keeps parts.
    function TWINS() external view returns (ITwins);

    /// @notice The facts of a process; all zero if there is none.
    function processOf(bytes32 process) external view returns (Process memory);

    /// @notice The chain of a process's inputs: each hashes the chain before it, the lot and the quantity.
    function inputsHead(bytes32 process) external view returns (bytes32);

    /// @notice The chain of a process's outputs: each hashes the chain before it and the product.
    function outputsHead(bytes32 process) external view returns (bytes32);

    /// @notice The process out of which a lot or part came, or zero.
    function originOf(bytes32 product) external view returns (bytes32);

    /// @notice What a part is installed in.
    function associationOf(bytes32 child) external view returns (Association memory);

    /// @notice Is the process a member of the recall?
    function isRecalled(bytes32 process, uint32 recall) external view returns (bool);

    /// @notice Are these, in their order, all uses of the lot up to now?
    function usesComplete(bytes32 lot, bytes32[] calldata uses) external view returns (bool);

    /// @notice Are these, in their order, all outputs of the process up to now?
    function outputsComplete(bytes32 process, bytes32[] calldata products) external view returns (bool);

    /// @notice Is everything that the first of the list was made of, up to now, in the list, with the list naming all
    /// inputs of every process on the way? No for what is neither a lot nor a twin.
    function ancestorsComplete(Ancestor[] calldata ancestors) external view returns (bool);
}
