// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Mkt
/// @notice Mean kinetic temperature (MKT): the steady temperature that does the same harm by a reaction whose rate
/// follows Arrhenius (USP <1079.2>). Temperatures are in 0.01 degrees Celsius.
///
/// With the pharmacopoeia's activation energy a temperature T in kelvin weighs exp(10000 K * (1 / 278.15 K - 1 / T)),
/// and the MKT weighs the mean of the weights over time. No logarithm is taken: the MKT is above a limit when the
/// weights times their seconds come to more than the limit's weight times all seconds.
///
/// Whole degrees have their weights in a table, in units of 2^-20, rounded up; between two of them the chord is taken.
/// The weight is convex, so the MKT found is never lower than the exact one, and higher by at most 0.02 degrees where
/// it is -25 degrees or above. What is below -73 degrees weighs one unit, which is more than it does.
///
/// A total is a sum of weights times hundredths of a second. It holds 500 years at 25 degrees and 14 at 60, and stays
/// {FULL} when it is full; so is the total of any time above 127 degrees. The MKT of a full total is above every limit.
library Mkt {
    /// @notice The highest total.
    uint64 internal constant FULL = type(uint64).max;

    int256 private constant COLDEST = -7300;
    uint256 private constant SPAN = 20000;
    uint256 private constant ENTRY = 5;

    /// @dev Of -73 to 127 degrees, by python -m toolchain.mkt_table.
    bytes private constant WEIGHTS = hex"0000000001000000000200000000020000000002000000000300000000030000000004000000000500000000060000000008"
        hex"000000000a000000000c000000000f00000000130000000017000000001d0000000023000000002c00000000360000000042"
        hex"00000000510000000064000000007a000000009500000000b600000000de000000010e0000000148000000018e00000001e1"
        hex"000000024600000002be000000034d00000003f900000004c500000005b800000006d9000000083000000009c50000000ba5"
        hex"0000000ddc0000001079000000138d000000172b0000001b6b0000002068000000263f0000002d14000000350f0000003e60"
        hex"000000493b00000055dd000000648d000000759b0000008962000000a04a000000baca000000d969000000fcc20000012582"
        hex"00000154700000018a6d000001c8750000020fa9000002614e000002bed000000329cf000003a4190000042fbc000004cf02"
        hex"0000058481000006531e0000073e17000008490f000009781600000acfb800000c550800000e0db000001000000000123301"
        hex"000014ae850000177b4200001aa2e100001e301f0000222ee5000026ac6300002bb7380000315f8e000037b74800003ed225"
        hex"000046c5f500004faac70000599b1e000064b430000071162400007ee45700008e45a500009f64be0000b2707c0000c79c3f"
        hex"0000df205a0000f93a790001162e200001364524000159d03d00018127940001acab680001dcc4b8000211e5fc00024c8bec"
        hex"00028d3e560002d4910400032324ad000379a7ff0003d8d8b900044184d70004b48bd3000532e0000005bd87f9000655a028"
        hex"0006fc5c6d0007b309d800087b108e000955f5be000a455dc1000b4b0e5c000c68f122000da11605000ef5b6040010693613"
        hex"0011fe2a250013b7586b001597bcc50017a28c670019db39b8001c45786d001ee541d90021bed98c0024d6d22a0028321291"
        hex"002bd5db43002fc7cc2b00340deaa40038aea7e5003db0e7bd00431c07b60048f7e696004f4cec490056241236005d86ec0a"
        hex"00657fb0f2006e19455b00775f452500815e0e6a008c22cccc0097bb855100a43722e200b1a5835e00c017855b00cf9f1691"
        hex"00e04f42f300f23c449001057b9426011a23fa8d01304da2eb0148122dc701618cc4fc017cda309a019a18ecb701b9694043"
        hex"01daed54de01fec94fc20225236bc3024e24147c0279f602a202a8c6599702dac4c6410310239f32034918062a0385da0b04"
        hex"03c6a4d016040bb6b014045551657d04a3ba33a804f73a117505501dd5b905aeb6656b061358e3a3067e5ee38306f0269c04"
        hex"0769131dcf07e98c8b1c08720051bc0902e1674b099ca887a50a3fd475af0aecea3e860ba4757f1e0c6708ac6d0d353d5e30"
        hex"0e0fb49c5c";

    /// @notice The table of weights, which the other functions read.
    function weights() internal pure returns (bytes memory) {
        return WEIGHTS;
    }

    /// @notice Could a rule have this limit? Whole degrees from -25 to 127.
    function isLimit(int32 limit) internal pure returns (bool) {
        return limit % 100 == 0 && limit >= -2500 && limit <= 12700;
    }

    /// @notice The total of a temperature that was held for so many seconds.
    function ofValue(bytes memory table, int256 value, uint256 duration) internal pure returns (uint256) {
        if (duration == 0) return 0;
        uint256 above = value > COLDEST ? uint256(value - COLDEST) : 0;
        if (above > SPAN) return FULL;
        (uint256 degree, uint256 part) = (above / 100, above % 100);
        return duration * (_weight(table, degree) * (100 - part) + _weight(table, degree + 1) * part);
    }

    /// @notice The total of a segment's histogram, as in the library `Histogram`: 64 entries of at most 2^36 units for
    /// 2^32 hundredths of a second.
    function ofHistogram(bytes memory table, uint256[] calldata words) internal pure returns (uint256 total) {
        for (uint256 i; i < words.length; ++i) {
            uint256 word = words[i];
            // The body of the longest loop there is in judging, in half the gas.
            assembly ("memory-safe") {
                let coldest := add(table, 32)
                for {} word { word := shr(40, word) } {
                    let degree := add(signextend(0, word), 73)
                    let weight := shr(216, mload(add(coldest, mul(mul(degree, sgt(degree, 0)), ENTRY))))
                    total := add(total, mul(weight, and(shr(8, word), 0xffffffff)))
                }
            }
        }
    }

    /// @notice Two totals.
    function sum(uint64 total, uint256 more) internal pure returns (uint64) {
        return more < FULL - total ? total + uint64(more) : FULL;
    }

    /// @notice Is the MKT above the limit?
    function isAbove(bytes memory table, uint64 total, int32 limit, uint256 duration) internal pure returns (bool) {
        return total == FULL || total > ofValue(table, limit, duration);
    }

    /// @dev Of a degree, counted from the coldest.
    function _weight(bytes memory table, uint256 degree) private pure returns (uint256 weight) {
        assembly ("memory-safe") {
            weight := shr(216, mload(add(add(table, 32), mul(degree, ENTRY))))
        }
    }
}
