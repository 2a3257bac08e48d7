// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Premium
/// @notice The pay-how-you-drive premium: linear in metres, each risk counted as metres on top, one division for
/// each amount, then held between the period's minimum and maximum. The same rule stands in Python in
/// `goldthread.rules.premium`.
///
/// What the shape guarantees, because every weight is unsigned: the premium never falls when a counter or the
/// tier rises, lies between minimum and maximum, and depends on sums only, so neither the order of the trips nor
/// the way they are cut matters. An extra clean kilometre never makes a bill smaller, as bands of "events per
/// 100 km" do.
///
/// Ranges: the types are the ranges. The longest product, rate * tier * 1000 * weighted metres, is below
/// 2^96 * 2^32 * 2^10 * 2^98 = 2^236, so nothing here can overflow, and nothing is checked for it.
/// Rounding: every division rounds down, in favour of the driver, by less than one unit.
library Premium {
    /// @notice The rule's parameters. Money in token units, factors and shares in parts per million.
    /// @param base For being covered, for each whole `period`.
    /// @param period Seconds of a period.
    /// @param rate For each `rateDistance` driven at tier 1.
    /// @param rateDistance Millimetres (a mile is 1,609,344).
    /// @param nightWeight Share added to a metre driven at night.
    /// @param speedingWeight Share added to a metre driven too fast.
    /// @param brakeMetres Metres that one harsh brake counts for.
    /// @param accelMetres Metres that one harsh acceleration counts for.
    /// @param cornerMetres Metres that one harsh corner counts for.
    /// @param phoneMetres Metres that one use of the phone counts for.
    /// @param minimum Least premium for each whole period.
    /// @param maximum Greatest premium for each whole period.
    /// @param kmCredit Taken off the next tier for each kilometre.
    /// @param nightPenalty Added to the next tier for each kilometre at night.
    /// @param speedingPenalty Added to the next tier for each kilometre driven too fast.
    /// @param brakePenalty Added to the next tier for each harsh brake.
    /// @param accelPenalty Added to the next tier for each harsh acceleration.
    /// @param cornerPenalty Added to the next tier for each harsh corner.
    /// @param phonePenalty Added to the next tier for each use of the phone.
    /// @param tierMin Least tier.
    /// @param tierMax Greatest tier.
    /// @param defaultMetres Metres a day that are billed when no report came.
    struct Terms {
        uint96 base;
        uint32 period;
        uint96 rate;
        uint32 rateDistance;
        uint32 nightWeight;
        uint32 speedingWeight;
        uint32 brakeMetres;
        uint32 accelMetres;
        uint32 cornerMetres;
        uint32 phoneMetres;
        uint96 minimum;
        uint96 maximum;
        uint32 kmCredit;
        uint32 nightPenalty;
        uint32 speedingPenalty;
        uint32 brakePenalty;
        uint32 accelPenalty;
        uint32 cornerPenalty;
        uint32 phonePenalty;
        uint32 tierMin;
        uint32 tierMax;
        uint32 defaultMetres;
    }

    /// @notice What was counted in a period: sums only. `night` and `speeding` are metres among `metres`.
    struct Counters {
        uint64 metres;
        uint64 night;
        uint64 speeding;
        uint32 brakes;
        uint32 accels;
        uint32 corners;
        uint32 phone;
    }

    /// @notice The terms' period, distance of the rate and maximum must not be zero.
    error ZeroTerm(uint32 period, uint32 rateDistance, uint96 maximum);
    /// @notice The least premium exceeds the greatest.
    error MinimumAboveMaximum(uint96 minimum, uint96 maximum);
    /// @notice The bounds of the tier must enclose 1,000,000, which a driver without data has, and the first tier.
    error TierOutOfBounds(uint32 tier, uint32 tierMin, uint32 tierMax);

    /// @dev One, in parts per million.
    uint256 internal constant ONE = 1e6;

    uint256 private constant PER_KM = 1e3;

    /// @notice Reverts unless the rule is sound with these terms and `tier` as the first tier.
    function requireSound(Terms memory terms, uint32 tier) internal pure {
        if (terms.period == 0 || terms.rateDistance == 0 || terms.maximum == 0) {
            revert ZeroTerm(terms.period, terms.rateDistance, terms.maximum);
        }
        if (terms.minimum > terms.maximum) revert MinimumAboveMaximum(terms.minimum, terms.maximum);
        if (terms.tierMin > Math.min(tier, ONE) || terms.tierMax < Math.max(tier, ONE)) {
            revert TierOutOfBounds(tier, terms.tierMin, terms.tierMax);
        }
    }

    /// @notice The premium of a period, or of the part of a period that lasted `duration` seconds.
    /// @param tier The driver's tier in parts per million; it does not change within a period.
    /// @return Base for the time plus usage, not less than the minimum for the time and not more than the
    /// maximum for the time. Each of the four is rounded down.
    function charge(Terms memory terms, Counters memory counters, uint40 duration, uint32 tier)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            uint256 usage =
                uint256(terms.rate) * tier * 1000 * weightedMetres(terms, counters) / (terms.rateDistance * ONE * ONE);
            uint256 open = forTime(terms.base, duration, terms.period) + usage;
            uint256 least = forTime(terms.minimum, duration, terms.period);
            uint256 most = forTime(terms.maximum, duration, terms.period);
            return Math.min(Math.max(open, least), most);
        }
    }

    /// @notice Metres driven, each risk added as metres, in millionths of a metre. Exact.
    function weightedMetres(Terms memory terms, Counters memory c) internal pure returns (uint256) {
        unchecked {
            uint256 events = uint256(c.brakes) * terms.brakeMetres + uint256(c.accels) * terms.accelMetres
                + uint256(c.corners) * terms.cornerMetres + uint256(c.phone) * terms.phoneMetres;
            return (c.metres + events) * ONE + uint256(c.night) * terms.nightWeight + uint256(c.speeding)
                * terms.speedingWeight;
        }
    }

    /// @notice The tier that follows from a period's counters. Rounded down, then held between the bounds.
    function nextTier(Terms memory terms, Counters memory c) internal pure returns (uint32) {
        unchecked {
            uint256 events = uint256(c.brakes) * terms.brakePenalty + uint256(c.accels) * terms.accelPenalty
                + uint256(c.corners) * terms.cornerPenalty + uint256(c.phone) * terms.phonePenalty;
            uint256 raised = (ONE + events) * PER_KM + uint256(c.night) * terms.nightPenalty + uint256(c.speeding)
                * terms.speedingPenalty;
            uint256 credit = uint256(c.metres) * terms.kmCredit;
            uint256 tier = raised > credit ? (raised - credit) / PER_KM : 0;
            return uint32(Math.min(Math.max(tier, terms.tierMin), terms.tierMax));
        }
    }

    /// @notice The tier of a driver without data: no data, no discount.
    function noDataTier(uint32 tier) internal pure returns (uint32) {
        return uint32(Math.max(tier, ONE));
    }

    /// @notice The metres billed for `duration` seconds without data, rounded down; not more than those with which
    /// base and usage reach the maximum, rounded up, because a metre that nobody pays for is not billed.
    /// @param tier The tier of the period, {noDataTier}; not zero.
    function noDataMetres(Terms memory terms, uint40 duration, uint32 tier) internal pure returns (uint64) {
        unchecked {
            uint256 metres = uint256(terms.defaultMetres) * duration / 1 days;
            if (terms.rate == 0) return uint64(metres);
            uint256 most = forTime(terms.maximum, duration, terms.period);
            uint256 room = Math.saturatingSub(most, forTime(terms.base, duration, terms.period));
            return
                uint64(
                    Math.min(metres, Math.ceilDiv(room * terms.rateDistance * ONE, uint256(terms.rate) * tier * 1000))
                );
        }
    }

    /// @notice The part of an amount for a whole period that falls on `duration` seconds. Rounded down.
    function forTime(uint96 amount, uint40 duration, uint32 period) internal pure returns (uint256) {
        unchecked {
            return uint256(amount) * duration / period;
        }
    }
}
