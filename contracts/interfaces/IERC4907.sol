// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IERC4907
/// @notice The user role of ERC-4907: somebody who may use a token for a time without owning it. Interface id 0xad092b5c.
interface IERC4907 {
    /// @notice The user of a token, or the time until which it is the user, changed. Zero address: there is none.
    event UpdateUser(uint256 indexed tokenId, address indexed user, uint64 expires);

    /// @notice Sets the user of a token.
    /// @param user The zero address: nobody.
    /// @param expires Last second at which it is the user.
    function setUser(uint256 tokenId, address user, uint64 expires) external;

    /// @notice The user of a token; the zero address: there is none, or its time is over.
    function userOf(uint256 tokenId) external view returns (address);

    /// @notice Last second at which the user set last is the user.
    function userExpires(uint256 tokenId) external view returns (uint256);
}
