"""An ape account as a sender of goldthread: ape signs, goldthread counts nonces, sets fees and waits."""

from __future__ import annotations

from typing import Any

from ape.api import AccountAPI, ProviderAPI

from goldthread.chain.rpc import Chain, connect
from goldthread.chain.send import Sender, refuse_test_key
from goldthread.hashing import keccak


def chain_of(provider: ProviderAPI) -> Chain:
    """The chain that ape is connected to."""
    return connect(str(getattr(provider, "uri", None) or provider.http_uri))


def sender_of(account: AccountAPI, chain: Chain) -> Sender:
    """Sends for the account; every transaction is signed as the account's plug-in does it.

    Refuses the well-known test accounts on a chain that is not local.
    """
    refuse_test_key(chain, str(account.address))

    def sign(fields: dict[str, Any]) -> tuple[str, str]:
        ecosystem = account.provider.network.ecosystem
        kind = {"type": 2} if "maxFeePerGas" in fields else {"type": 0}
        signed = account.sign_transaction(ecosystem.create_transaction(**kind, **fields))
        if signed is None:
            raise SystemExit("the transaction was not signed")
        raw = bytes(signed.serialize_transaction())
        return "0x" + raw.hex(), "0x" + keccak(raw).hex()

    return Sender(chain, str(account.address), sign)
