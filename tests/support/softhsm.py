"""A token in software with P-256 keys, for tests of what signs in hardware (Debian package softhsm2)."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
PIN = "31415926"


def library() -> Path | None:
    """The library, if it is installed."""
    found = (Path(place) for place in PLACES if Path(place).is_file())
    return next(found, None) if shutil.which("softhsm2-util") else None


@dataclass(frozen=True)
class Token:
    """A token of its own in a folder. A process loads the library once: make one for all tests."""

    module: Path
    label: str
    pin: str

    @classmethod
    def create(cls, folder: Path, module: Path, label: str = "plant") -> Token:
        """Empty."""
        (folder / "tokens").mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        command = ["softhsm2-util", "--init-token", "--free", "--label", label]
        subprocess.run([*command, "--pin", PIN, "--so-pin", PIN], check=True, capture_output=True)
        return cls(module, label, PIN)

    def generate(self, label: str, curve: str = "secp256r1") -> None:
        """A key pair that never leaves the token."""
        import pkcs11
        from pkcs11 import Attribute, KeyType
        from pkcs11.util.ec import encode_named_curve_parameters

        with (
            pkcs11.lib(str(self.module))
            .get_token(token_label=self.label)
            .open(user_pin=self.pin, rw=True) as session
        ):
            parameters = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
            )
            parameters.generate_keypair(store=True, label=label)
