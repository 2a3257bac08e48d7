// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Ids
/// @notice From the URI of a thing to its id and to the namespace under which it may be registered.
/// The same functions stand in Python in `goldthread.gs1`.
library Ids {
    /// @notice The URI is not canonical: a GS1 Digital Link of https://id.gs1.org/ with a known primary key and
    /// a prefix of 4 to 12 digits, or another URI with an authority.
    error NotCanonical(string uri);

    /// @dev Every canonical GS1 Digital Link starts with these 19 characters.
    bytes19 private constant DIGITAL_LINK = "https://id.gs1.org/";

    /// @notice The id of a twin, in every module and on every chain.
    function idOf(string calldata uri) internal pure returns (bytes32) {
        return keccak256(bytes(uri));
    }

    /// @notice The namespace of a URI.
    /// @param uri A canonical GS1 Digital Link, or another URI: http(s) up to its path, else up to its third colon.
    /// @param prefixLength Digits of the GS1 company prefix in a Digital Link; not looked at for other URIs.
    /// @return The hash of the company prefix or of the authority, as {IConsortium-assignNamespace} stores it.
    function namespaceOf(string calldata uri, uint8 prefixLength) internal pure returns (bytes32) {
        bytes calldata text = bytes(uri);
        if (bytes19(text) == DIGITAL_LINK) {
            uint256 start = _prefixStart(bytes5(text[19:]));
            uint256 end = start + prefixLength;
            if (start == 0 || prefixLength < 4 || prefixLength > 12 || end > text.length) revert NotCanonical(uri);
            for (uint256 i = start; i < end; ++i) {
                if (text[i] < "0" || text[i] > "9") revert NotCanonical(uri);
            }
            return keccak256(text[start:end]);
        }
        uint256 length = authorityLength(text);
        // Nothing after the authority would make the authority itself a thing; EPC URNs are written as links.
        if (length == 0 || length == text.length || bytes8(text) == "urn:epc:") revert NotCanonical(uri);
        return keccak256(text[:length]);
    }

    /// @notice Length of the part of a URI that names who is responsible for it.
    /// @return Characters up to and with the third "/" of an http(s) URI or the third ":" of any other; 0: no such.
    function authorityLength(bytes calldata text) internal pure returns (uint256) {
        bytes1 separator = bytes8(text) == "https://" || bytes7(text) == "http://" ? bytes1("/") : bytes1(":");
        uint256 seen;
        for (uint256 i; i < text.length; ++i) {
            if (text[i] == separator && ++seen == 3) return i + 1;
        }
        return 0;
    }

    /// @dev Where the company prefix starts: behind the application identifier of the primary key and, for the keys
    /// that have one, behind the indicator or extension digit (GS1 General Specifications, section 3); 0: no key.
    function _prefixStart(bytes5 ai) private pure returns (uint256) {
        bytes3 two = bytes3(ai);
        if (two == "01/" || two == "00/") return 23; // GTIN, SSCC
        if (ai == "8003/" || ai == "8006/") return 25; // GRAI, ITIP
        // GIAI, CPID, GMN, GSRN of provider and of recipient
        if (ai == "8004/" || ai == "8010/" || ai == "8013/" || ai == "8017/" || ai == "8018/") return 24;
        bytes4 three = bytes4(ai);
        // GDTI, GCN, GINC, GSIN, GLN, party GLN
        if (
            three == "253/" || three == "255/" || three == "401/" || three == "402/" || three == "414/"
                || three == "417/"
        ) return 23;
        return 0;
    }
}
