// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ITitleDeed} from "../interfaces/ITitleDeed.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Ids} from "../libraries/Ids.sol";
import {Duty} from "../libraries/Membership.sol";

/// @title TitleDeed
/// @notice See {ITitleDeed}.
contract TitleDeed is ITitleDeed, ERC721, Module {
    /// @inheritdoc ITitleDeed
    ITwins public immutable TWINS;

    mapping(uint256 deed => uint32) private _redeemedBy;

    mapping(uint256 deed => string) private _uris;

    constructor(IConsortium consortium, ITwins twins)
        ERC721("Goldthread Title Deed", "DEED")
        Module("Goldthread TitleDeed", consortium)
    {
        TWINS = twins;
    }

    /// @inheritdoc ITitleDeed
    function issue(string calldata uri, address to, EventRef calldata ref) external returns (uint256 deed) {
        uint32 org = _authorize(Duty.FINANCE);
        bytes32 twin = Ids.idOf(uri);
        uint32 owner = TWINS.ownerOf(twin);
        if (owner != org) revert NotOwner(twin, org, owner);
        deed = uint256(twin);
        _uris[deed] = uri;
        delete _redeemedBy[deed];
        emit DeedIssued(twin, org, to, msg.sender, uri);
        TWINS.acceptTitle(twin, ref);
        _safeMint(to, deed);
    }

    /// @inheritdoc ITitleDeed
    function redeem(uint256 deed, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.FINANCE);
        _checkAuthorized(_requireOwned(deed), msg.sender, deed);
        _burn(deed);
        delete _uris[deed];
        _redeemedBy[deed] = org;
        _offer(deed, org, ref);
    }

    /// @inheritdoc ITitleDeed
    function claim(uint256 deed, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.FINANCE);
        if (redeemedBy(deed) != org) revert NotRedeemed(bytes32(deed), org);
        _offer(deed, org, ref);
    }

    /// @inheritdoc ITitleDeed
    function redeemedBy(uint256 deed) public view returns (uint32) {
        (uint32 here,) = CONSORTIUM.accountOf(address(this));
        return TWINS.ownerOf(bytes32(deed)) == here ? _redeemedBy[deed] : 0;
    }

    /// @notice The twin's Digital Link.
    function tokenURI(uint256 deed) public view override returns (string memory) {
        _requireOwned(deed);
        return _uris[deed];
    }

    function _offer(uint256 deed, uint32 org, EventRef calldata ref) private {
        emit DeedRedeemed(bytes32(deed), org, msg.sender);
        TWINS.offerTitle(bytes32(deed), org, type(uint40).max, ref);
    }
}
