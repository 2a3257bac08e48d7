// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Signers
/// @notice One address for every kind of signer, so that a person with a passkey and a wallet are accounts alike.
library Signers {
    /// @notice The account that an ERC-7913 signer stands for.
    /// @param signer 20 bytes: an externally owned or ERC-1271 account. Longer: verifier address and public key.
    /// @return The address itself, or the last 20 bytes of the signer's hash, as Ethereum derives an address
    /// from a public key. An account of the second kind can sign but never be `msg.sender`.
    function accountOf(bytes memory signer) internal pure returns (address) {
        if (signer.length == 20) return address(bytes20(signer));
        return address(uint160(uint256(keccak256(signer))));
    }
}
