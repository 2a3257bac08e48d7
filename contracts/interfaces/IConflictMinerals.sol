// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILineage} from "./ILineage.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {ITwins} from "./ITwins.sol";

/// @title IConflictMinerals
/// @notice Which smelters are in a product, how they stand, and what its maker owes the SEC (Form SD).
///
/// A register is an organisation with the role AUDITOR or REGULATOR that lists smelters; there may be several. The maker
/// of a product declares for a calendar year what the template CMRT asks, and names the register that it relies on.
/// A declaration covers its product, and the lots and parts that its maker says it covers. The verdict on a product is
/// the worst of those on it and on everything it was made of, as far as {ILineage} knows.
///
/// Guarantees:
/// - Unknown is never good: an input without a declaration, a smelter that the register does not list, a status that
///   has expired, an answer that leaves something open and a process that may still take something in each make the
///   verdict UNDETERMINABLE, or worse.
/// - A verdict better than UNDETERMINABLE is never better than what registers and declarations say now. Whatever gets
///   worse in them moves the {clock}, and what was judged or evaluated before is shown as UNDETERMINABLE until somebody
///   does it anew ({smeltersWorsenedAt}, {declarationsWorsenedAt}). Until then it may also be worse than what they say now.
///   NO_MINERALS and RECYCLED rest on no smelter, and no register makes them stale.
/// - A version of a declaration has one successor, and none is changed.
///
/// Assumptions: makers answer truly, registers list what they know, and a part that is installed in another is
/// in the declaration of what it is installed in: which parts an assembly has, {ILineage} does not prove.
interface IConflictMinerals is IModule {
    /// @notice The conflict minerals of 17 CFR 240.13p-1, by the metal that they become.
    enum Metal {
        TIN,
        TANTALUM,
        TUNGSTEN,
        GOLD
    }

    /// @notice How a smelter stands in the Responsible Minerals Assurance Process. NONE: the register does not list it.
    enum Status {
        NONE,
        CONFORMANT,
        ACTIVE,
        NON_CONFORMANT,
        NOT_ENROLLED
    }

    /// @notice An answer to a question of the declaration, one byte of {Statement.answers}.
    enum Answer {
        NONE,
        NO,
        YES,
        UNKNOWN
    }

    /// @notice How many of the relevant suppliers have answered (question 6), in place of an {Answer}.
    enum Share {
        NOT_ASKED,
        NOBODY,
        HALF_OR_LESS,
        ABOVE_50_PERCENT,
        ABOVE_75_PERCENT,
        ABOVE_90_PERCENT,
        ALL
    }

    /// @notice From the best to the worst; of two, the worse one counts. NONE: nobody has judged or evaluated it.
    /// NO_MINERALS: none remains in it. RECYCLED: all that remain are recycled or scrap. CONFORMANT, ACTIVE,
    /// NOT_ENROLLED, NON_CONFORMANT: the worst of its smelters. UNDETERMINABLE: something is not known.
    enum Verdict {
        NONE,
        NO_MINERALS,
        RECYCLED,
        CONFORMANT,
        ACTIVE,
        NOT_ENROLLED,
        UNDETERMINABLE,
        NON_CONFORMANT
    }

    /// @notice What is to be filed under Form SD. CMR: a Conflict Minerals Report as its exhibit, and the product
    /// in it conflict-free (after an independent private sector audit), not found to be so, or undeterminable.
    enum Outcome {
        NO_FILING,
        FORM_SD_ONLY,
        CMR_CONFLICT_FREE_WITH_IPSA,
        CMR_NOT_FOUND_CONFLICT_FREE,
        CMR_UNDETERMINABLE
    }

    /// @notice What Form SD asks of a product.
    /// @param necessary Conflict minerals are necessary to its functionality or production, and contained in it.
    /// @param outside All of them were outside the supply chain before 31 January 2013.
    /// @param reason There is reason to believe that they may be from the covered countries and not recycled or scrap.
    /// @param recycled They are recycled or scrap.
    /// @param origin After due diligence: are they from the covered countries?
    /// @param benefited After due diligence: did they finance or benefit armed groups there?
    struct FormSd {
        bool necessary;
        bool outside;
        bool reason;
        bool recycled;
        Answer origin;
        Answer benefited;
    }

    /// @notice How a smelter stands in a register. One slot.
    /// @param country ISO 3166-1 alpha-2 code of where it is.
    /// @param validUntil Last second of the status; 0: it has no end.
    struct Smelter {
        Status status;
        bytes2 country;
        uint40 validUntil;
    }

    /// @notice A smelter to list.
    /// @param smelter Its number in the register, such as CID001070, in ASCII and left-aligned; in the last byte the metal.
    /// @param status NONE: it is listed no longer.
    /// @param country ISO 3166-1 alpha-2 code of where it is.
    /// @param validUntil Last second of CONFORMANT or ACTIVE; 0 for the others.
    /// @param record Record or hash of the evidence, such as the audit.
    /// @param name Its standard name.
    struct Listing {
        bytes32 smelter;
        Status status;
        bytes2 country;
        uint40 validUntil;
        bytes32 record;
        string name;
    }

    /// @notice What the maker of a product states for a year.
    /// @param register Organisation by whose list of smelters the declaration is judged; not its own.
    /// @param outside All conflict minerals in it were outside the supply chain before 31 January 2013.
    /// @param origin After due diligence: are they from the covered countries? NONE: there was none.
    /// @param benefited After due diligence: did they finance or benefit armed groups? NONE: there was none.
    /// @param answers Questions 1 to 8 for each {Metal}: question q of metal m is the byte 8m + q - 1 from the lowest on.
    /// 1 added or used, 2 remains in the product, 3 from covered countries, 4 from conflict-affected and high-risk areas,
    /// 5 all of it recycled or scrap, 6 {Share} of suppliers that answered, 7 all smelters identified, 8 all reported.
    /// 2 is asked if 1 is YES, the others if 2 is YES too. UNKNOWN is an answer to 3, 4 and 5.
    /// @param document Record or hash of the declaration's document.
    struct Statement {
        uint32 register;
        bool outside;
        Answer origin;
        Answer benefited;
        uint256 answers;
        bytes32 document;
    }

    /// @notice The newest version of a declaration.
    /// @param org Organisation that declared; 0: nobody did.
    /// @param version Number of this version, from 1.
    /// @param register See {Statement}.
    /// @param smelters Number of smelters.
    /// @param outside See {Statement}.
    /// @param origin See {Statement}.
    /// @param benefited See {Statement}.
    /// @param overdue True once somebody has flagged that the filing was late.
    /// @param filedVersion Version that was filed last; 0: none.
    /// @param filedAt When the first one was filed.
    /// @param answers See {Statement}.
    /// @param root Root of the tree of smelters (`MerkleLeaves.smelter`); zero if there are none.
    /// @param document See {Statement}.
    struct Declaration {
        uint32 org;
        uint32 version;
        uint32 register;
        uint32 smelters;
        bool outside;
        Answer origin;
        Answer benefited;
        bool overdue;
        uint32 filedVersion;
        uint40 filedAt;
        uint256 answers;
        bytes32 root;
        bytes32 document;
    }

    /// @notice What was found when it was judged (a declaration) or evaluated (a product). One slot.
    /// @param verdict As of then.
    /// @param originless True if it came out of no process at that time.
    /// @param validUntil Last second at which all statuses behind it are valid.
    /// @param foundAt When.
    /// @param clock The {clock} at that time.
    /// @param registers Numbers of the registers behind it, 32 bits each from the lowest on; at most four.
    struct Finding {
        Verdict verdict;
        bool originless;
        uint40 validUntil;
        uint40 foundAt;
        uint32 clock;
        uint128 registers;
    }

    /// @notice A register listed a smelter, or changed how it stands.
    event SmelterListed(bytes32 indexed smelter, uint32 indexed org, address caller, Listing listing);
    /// @notice A smelter of the register `org` stands worse, or not as long: what was judged and evaluated by it is stale.
    event SmeltersWorsened(uint32 indexed org, uint32 clock);
    /// @notice A declaration by the register `org` got worse, or rests on another one: what was evaluated with it is stale.
    event DeclarationsWorsened(uint32 indexed org, uint32 clock);
    /// @notice The maker of the product declared for the year, or superseded what it had.
    /// @param version 1, or the successor of the one before.
    /// @param reason Record or hash of why it was superseded; zero in the first version.
    event Declared(
        bytes32 indexed product,
        uint32 indexed org,
        uint16 indexed year,
        address caller,
        uint32 version,
        Statement statement,
        bytes32 reason,
        bytes32[] smelters
    );
    /// @notice The newest version of the declaration was judged by its register as it is now.
    event Judged(bytes32 indexed product, uint16 indexed year, address caller, Finding finding);
    /// @notice The lot or part is in the declaration from now on, and in none that it was in before.
    event ProductCovered(bytes32 indexed product, bytes32 indexed declaration, uint32 indexed org, address caller);
    /// @notice The product was evaluated with everything it was made of.
    event Evaluated(bytes32 indexed product, address caller, Finding finding);
    /// @notice A smelter in the version of the declaration is neither conformant nor active.
    event SmelterFlagged(
        bytes32 indexed product,
        bytes32 indexed smelter,
        uint16 indexed year,
        address caller,
        uint32 version,
        Verdict verdict
    );
    /// @notice Form SD was filed with what the version of the declaration makes of it.
    event FormSdFiled(
        bytes32 indexed product,
        uint32 indexed org,
        uint16 indexed year,
        address caller,
        uint32 version,
        Outcome outcome,
        bytes32 document,
        uint40 filedAt,
        bool late
    );
    /// @notice Form SD was due and not filed.
    event FilingOverdue(bytes32 indexed product, uint32 indexed org, uint16 indexed year, address caller);

    /// @notice The number of a smelter is missing, or what follows it is no {Metal}.
    error NotASmelter(bytes32 smelter);
    /// @notice A country is two letters A-Z (ISO 3166-1 alpha-2).
    error NotACountry(bytes32 smelter, bytes2 country);
    /// @notice CONFORMANT and ACTIVE last until a second that is not over; the others have no end.
    error WrongValidity(bytes32 smelter, Status status, uint40 validUntil);
    /// @notice A register has the role AUDITOR or REGULATOR, may speak, and is not who declares.
    error NotARegister(uint32 register, uint32 org);
    /// @notice Only its maker declares a product. `maker` 0: nobody made it.
    error NotTheMaker(bytes32 product, uint32 org, uint32 maker);
    /// @notice A design is declared year by year; lots and parts are covered.
    error NotCoverable(bytes32 design);
    /// @notice The rule applies to the years from 2013 (to 9999), and a year is declared from its first second on.
    error WrongYear(uint16 year);
    /// @notice The question has other answers, or is not asked after the answers before it.
    error WrongAnswer(Metal metal, uint8 question, uint8 answer);
    /// @notice A list of smelters ascends, and each one's metal remains in the product.
    error WrongSmelter(uint256 index, bytes32 smelter);
    /// @notice The declaration has another newest version; 0: there is none.
    error NotNewestVersion(bytes32 product, uint16 year, uint32 version, uint32 newest);
    /// @notice Nobody has declared the product for the year.
    error NotDeclared(bytes32 product, uint16 year);
    /// @notice These are not the smelters of the declaration's newest version.
    error OtherSmelters(bytes32 product, uint16 year, bytes32 root);
    /// @notice Verdicts rest on four registers at most.
    error TooManyRegisters(bytes32 product);
    /// @notice An evaluation begins with the product.
    error NoProduct();
    /// @notice No product before this one in the list names it as an input.
    error NotNamedBefore(bytes32 product);
    /// @notice The inputs in the list are not those of the product, in their order; or they were left out, and what
    /// was found for the product is not good any more.
    error WrongInputs(bytes32 product);
    /// @notice The smelter is not in the newest version of the declaration, in this place.
    error NotInDeclaration(bytes32 product, uint16 year, bytes32 smelter);
    /// @notice Nothing is wrong with the smelter, or all of its metal in the product is recycled or scrap.
    error NothingToFlag(bytes32 smelter, Verdict verdict);
    /// @notice Somebody has flagged this before.
    error FlaggedBefore(bytes32 product, uint16 year);
    /// @notice The declaration leads to no filing.
    error NothingToFile(bytes32 product, uint16 year);
    /// @notice Form SD is filed once the year is over.
    error YearNotOver(uint16 year, uint256 blockTime);
    /// @notice This version was filed before.
    error AlreadyFiled(bytes32 product, uint16 year, uint32 version);
    /// @notice Form SD was filed, or is not due yet.
    error FilingNotOverdue(bytes32 product, uint16 year, uint40 dueAt);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The module that keeps designs and parts.
    function TWINS() external view returns (ITwins);

    /// @notice The module that says what was made of what.
    function LINEAGE() external view returns (ILineage);

    /// @notice Lists smelters, or changes how they stand. Role AUDITOR or REGULATOR, duty RECORD.
    /// Emits {SmelterListed} for each, and {SmeltersWorsened} if one stands worse than before, or not as long.
    function list(Listing[] calldata listings) external;

    /// @notice Declares a product for a year. Its maker, duty QUALITY. A lot or part is covered by it.
    /// Emits {Declared} and {Judged}, and {ProductCovered} unless the product is a design.
    /// @param product Design, lot or part.
    /// @param year The calendar year.
    /// @param smelters All of them, ascending: see {Listing.smelter}.
    function declare(bytes32 product, uint16 year, Statement calldata statement, bytes32[] calldata smelters) external;

    /// @notice Supersedes the newest version of a declaration. Its maker, duty QUALITY.
    /// Emits {Declared} and {Judged}, and {DeclarationsWorsened} if verdicts may get worse by it.
    /// @param version The version that is superseded.
    /// @param reason Record or hash of why.
    function supersede(
        bytes32 product,
        uint16 year,
        uint32 version,
        Statement calldata statement,
        bytes32[] calldata smelters,
        bytes32 reason
    ) external;

    /// @notice Says which lots and parts a declaration covers. Maker of both, duty QUALITY. Emits {ProductCovered} for
    /// each, and {DeclarationsWorsened} if one was in a declaration with a better verdict.
    function cover(bytes32 product, uint16 year, bytes32[] calldata products) external;

    /// @notice Judges a declaration anew by its register as it is now. Anyone. Emits {Judged}.
    /// @param smelters Those of its newest version.
    function judge(bytes32 product, uint16 year, bytes32[] calldata smelters) external;

    /// @notice Evaluates a product with everything it was made of, and keeps the finding. Anyone. Emits {Evaluated}.
    /// @param ancestors The product, and then what it was made of, each named by one before it. Of a product whose inputs
    /// are left out, what was found counts: so a long way is gone in steps, from its beginning.
    function evaluate(ILineage.Ancestor[] calldata ancestors) external returns (Verdict verdict);

    /// @notice Raises an alert, once for each verdict on it, about a smelter in the newest version of a declaration
    /// that is neither conformant nor active. Anyone. Emits {SmelterFlagged} and {Alert}.
    /// @param index Its place in the list.
    /// @param proof That it is in the tree.
    function flag(bytes32 product, uint16 year, bytes32 smelter, uint32 index, bytes32[] calldata proof) external;

    /// @notice Puts on record that Form SD was filed. Declaring organisation, duty QUALITY; each version once.
    /// Emits {FormSdFiled}.
    /// @param document Record or hash of what was filed.
    function file(bytes32 product, uint16 year, bytes32 document) external;

    /// @notice Raises an alert, once, that Form SD was due and not filed. Anyone. Emits {FilingOverdue} and {Alert}.
    function flagOverdue(bytes32 product, uint16 year) external;

    /// @notice What {evaluate} would find now.
    function assess(ILineage.Ancestor[] calldata ancestors) external view returns (Finding memory finding);

    /// @notice The verdict on a product as far as it can be relied on now.
    /// @return verdict NONE is shown as UNDETERMINABLE, and so is what is stale.
    /// @return stale True if something may have got worse since it was found.
    function verdictOf(bytes32 product) external view returns (Verdict verdict, bool stale);

    /// @notice As {verdictOf}, for a declaration alone.
    function standingOf(bytes32 declaration) external view returns (Verdict verdict, bool stale);

    /// @notice What was found when the product was evaluated last; all zero if it never was.
    function findingOf(bytes32 product) external view returns (Finding memory);

    /// @notice What was found when the declaration was judged last.
    function judgementOf(bytes32 declaration) external view returns (Finding memory);

    /// @notice How a smelter stands in a register; all zero if it is not listed.
    function smelterOf(uint32 register, bytes32 smelter) external view returns (Smelter memory);

    /// @notice The newest version of a declaration; all zero if there is none.
    function declarationOf(bytes32 declaration) external view returns (Declaration memory);

    /// @notice The declaration that covers a lot or part, or zero.
    function coveredBy(bytes32 product) external view returns (bytes32);

    /// @notice Was this flagged in the version of the declaration?
    function isFlagged(bytes32 declaration, uint32 version, bytes32 smelter, Verdict verdict)
        external
        view
        returns (bool);

    /// @notice How often something got worse, by any register.
    function clock() external view returns (uint32);

    /// @notice The {clock} when a smelter of the register got worse the last time; 0: never.
    function smeltersWorsenedAt(uint32 register) external view returns (uint32);

    /// @notice The {clock} when a declaration by the register got worse the last time; 0: never.
    function declarationsWorsenedAt(uint32 register) external view returns (uint32);

    /// @notice What the newest version of a declaration leads to.
    function outcomeOf(bytes32 declaration) external view returns (Outcome);

    /// @notice What Form SD makes of the facts (17 CFR 240.13p-1 and Form SD, item 1.01).
    function outcome(FormSd calldata facts) external pure returns (Outcome);

    /// @notice The facts for Form SD that follow from a statement. Of metals that are recycled or scrap the origin does
    /// not matter; of the others, an origin that is not known is reason to believe.
    function formSdOf(Statement calldata statement) external pure returns (FormSd memory);

    /// @notice The last second at which Form SD for a year is filed in time: 17:30 Eastern time on 31 May of the next
    /// year, or on the business day that follows if it is none (17 CFR 240.0-3).
    function dueAt(uint16 year) external pure returns (uint40);

    /// @notice The id of the declaration of a product for a year.
    function declarationId(bytes32 product, uint16 year) external pure returns (bytes32);
}
