"""Compile the contracts, once and exactly when something they depend on has changed.

ape decides by the checksum of a single file: after a change of a base contract, of a compiler setting or of
the installed OpenZeppelin release it keeps serving the old bytecode. Here an artifact carries the hash of
everything that went into it (the sources of its import closure, the settings, the compiler version) and is
rebuilt when that hash is no longer the one on disk. Tests, deployment scripts and the committed ABIs all read
these artifacts.

Every source file is compiled in a run of its own, with nothing but its import closure. That is the input a
block explorer or Sourcify needs to reproduce the bytecode, and the bytecode cannot depend on what else
happened to be stale.

    python -m goldthread.build [--force] [NAME ...]    compile what changed
    python -m goldthread.build --abis                  and rewrite goldthread/abi/
    python -m goldthread.build --check-abis            and fail when goldthread/abi/ is out of date
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The checkout that this file belongs to."""

FOLDERS = ("core", "rules", "money", "periphery", "mocks")
"""The folders of contracts/ with contracts to deploy; the others hold interfaces, bases and libraries."""

DEPENDENCIES = (
    "node_modules/@openzeppelin/contracts/access/manager/AccessManager.sol",
    "node_modules/@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913P256Verifier.sol",
    "node_modules/@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913RSAVerifier.sol",
    "node_modules/@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol",
)
"""The contracts of OpenZeppelin that are deployed as they are."""

OUTPUTS = [
    "abi",
    "metadata",
    "storageLayout",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
    "evm.methodIdentifiers",
]

_COMMENT_OR_STRING = re.compile(r"""//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""", re.DOTALL)
_IMPORT = re.compile(r"""^\s*import\b[^;"']*["']([^"']+)["']""", re.MULTILINE)
_CONTRACT = re.compile(r"^\s*contract\s+(\w+)", re.MULTILINE)


class BuildError(Exception):
    """The contracts do not compile; the message holds what the compiler said."""


@dataclass(frozen=True)
class Artifact:
    """What the compiler made of one contract."""

    name: str
    source_path: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime_bytecode: bytes
    immutable_references: dict[str, list[dict[str, int]]]
    storage_layout: dict[str, Any]
    method_identifiers: dict[str, str]
    metadata: str
    input_hash: str
    compiler: str

    def to_json(self) -> dict[str, Any]:
        """The form on disk."""
        return {
            "name": self.name,
            "sourcePath": self.source_path,
            "abi": self.abi,
            "bytecode": "0x" + self.bytecode.hex(),
            "runtimeBytecode": "0x" + self.runtime_bytecode.hex(),
            "immutableReferences": self.immutable_references,
            "storageLayout": self.storage_layout,
            "methodIdentifiers": self.method_identifiers,
            "metadata": self.metadata,
            "inputHash": self.input_hash,
            "compiler": self.compiler,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Artifact:
        """Read the form on disk back."""
        return cls(
            name=data["name"],
            source_path=data["sourcePath"],
            abi=data["abi"],
            bytecode=bytes.fromhex(data["bytecode"][2:]),
            runtime_bytecode=bytes.fromhex(data["runtimeBytecode"][2:]),
            immutable_references=data["immutableReferences"],
            storage_layout=data["storageLayout"],
            method_identifiers=data["methodIdentifiers"],
            metadata=data["metadata"],
            input_hash=data["inputHash"],
            compiler=data["compiler"],
        )


@dataclass(frozen=True)
class Settings:
    """The compiler settings of ape-config.yaml."""

    version: str
    evm_version: str
    via_ir: bool
    optimize: bool
    runs: int
    remappings: tuple[str, ...]

    @classmethod
    def load(cls, root: Path = ROOT) -> Settings:
        """Read the `solidity` section of ape-config.yaml."""
        import yaml

        config = yaml.safe_load((root / "ape-config.yaml").read_text())["solidity"]
        return cls(
            version=config["version"],
            evm_version=config["evm_version"],
            via_ir=config["via_ir"],
            optimize=config["optimize"],
            runs=config["optimization_runs"],
            remappings=tuple(sorted(config["import_remapping"])),
        )

    def standard_json(self) -> dict[str, Any]:
        """The settings as the compiler's standard JSON input names them."""
        return {
            "evmVersion": self.evm_version,
            "viaIR": self.via_ir,
            "optimizer": {"enabled": self.optimize, "runs": self.runs},
            "remappings": list(self.remappings),
        }


class Sources:
    """Solidity files by the name the compiler knows them under, and what they import."""

    def __init__(self, root: Path, remappings: Iterable[str]) -> None:
        self._root = root
        self._remappings = [(prefix, target) for prefix, target in (r.split("=", 1) for r in remappings)]
        self._text: dict[str, str] = {}
        self._imports: dict[str, list[str]] = {}

    def text(self, name: str) -> str:
        """The file's content."""
        if name not in self._text:
            self._text[name] = (self._root / name).read_text()
        return self._text[name]

    def code(self, name: str) -> str:
        """The file's content without its comments."""
        return _COMMENT_OR_STRING.sub(lambda match: match.group(1) or " ", self.text(name))

    def imports(self, name: str) -> list[str]:
        """The names of the files that this one imports."""
        if name not in self._imports:
            self._imports[name] = [self._resolve(name, path) for path in _IMPORT.findall(self.code(name))]
        return self._imports[name]

    def closure(self, entry: str) -> dict[str, str]:
        """The file and everything it imports, directly or not, sorted by name."""
        found: set[str] = set()
        todo = [entry]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(self.imports(name))
        return {name: self.text(name) for name in sorted(found)}

    def contracts(self, name: str) -> list[str]:
        """The contracts that the file declares and that can be deployed."""
        return _CONTRACT.findall(self.code(name))

    def _resolve(self, importer: str, path: str) -> str:
        if path.startswith("."):
            name = os.path.normpath(PurePosixPath(importer).parent / path)
        else:
            target = next((t + path[len(p) :] for p, t in self._remappings if path.startswith(p)), path)
            name = os.path.normpath(target)
        if not (self._root / name).is_file():
            raise BuildError(f"{importer} imports {path!r}, and there is no file {name}")
        return name


def ensure_built(
    names: Iterable[str] | None = None, *, root: Path = ROOT, force: bool = False
) -> dict[str, Artifact]:
    """Compile what changed and return the artifacts, all or those of the contracts named.

    Nothing is compiled and no compiler is started when nothing changed. Processes that ask at the same time
    wait for one another, so that parallel test workers build once.
    """
    settings = Settings.load(root)
    sources = Sources(root, settings.remappings)
    wanted = None if names is None else set(names)
    entries: dict[str, list[str]] = {}
    for entry in _entries(root):
        declared = sources.contracts(entry)
        if wanted is None or wanted.intersection(declared):
            entries[entry] = declared
    known = [name for declared in entries.values() for name in declared]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise BuildError(f"contract names must be unique: {', '.join(repeated)}")
    if wanted is not None and (unknown := sorted(wanted.difference(known))):
        raise BuildError(f"no contract to deploy is called {', '.join(unknown)}")

    _discard_stale_ape_build(root, settings)
    folder = root / ".build" / "artifacts"
    hashes = {entry: _input_hash(sources.closure(entry), settings) for entry in entries}
    built = {} if force else _load(folder, entries, hashes)
    if not built.keys() >= set(known):
        with _lock(root / ".build" / "lock"):
            # Another process may have built while this one waited.
            built = {} if force else _load(folder, entries, hashes)
            stale = {
                entry: hashes[entry] for entry, found in entries.items() if not built.keys() >= set(found)
            }
            for artifacts in _compile_all(root, settings, sources, stale):
                for artifact in artifacts:
                    _write(folder / f"{artifact.name}.json", json.dumps(artifact.to_json(), sort_keys=True))
                    built[artifact.name] = artifact
    if wanted is None:
        for path in folder.glob("*.json"):
            if path.stem not in built:
                path.unlink(missing_ok=True)  # of a contract that is no more
    return {name: built[name] for name in sorted(built) if wanted is None or name in wanted}


def artifact(name: str, *, root: Path = ROOT) -> Artifact:
    """The up-to-date artifact of one contract."""
    return ensure_built([name], root=root)[name]


def export_abis(*, root: Path = ROOT, check: bool = False) -> list[str]:
    """Write goldthread/abi/<Name>.json for every contract of the system; return which files were different.

    They are committed: a change of the public interface has to show in a review. With `check`, only compare.
    """
    folder = root / "goldthread" / "abi"
    expected = {
        f"{name}.json": json.dumps(sorted(a.abi, key=_abi_order), indent=1) + "\n"
        for name, a in ensure_built(root=root).items()
        if not a.source_path.startswith("contracts/mocks/")
    }
    present = {path.name: path.read_text() for path in folder.glob("*.json")}
    different = [name for name in sorted(expected | present) if expected.get(name) != present.get(name)]
    if not check:
        for name in different:
            if name in expected:
                _write(folder / name, expected[name])
            else:
                (folder / name).unlink()
    return [name.removesuffix(".json") for name in different]


def compiler_path(version: str, root: Path = ROOT) -> Path:
    """The compiler that py-solc-x would use in the activated environment, else the wrapper in toolchain/."""
    folders = [os.environ.get("SOLCX_BINARY_PATH"), str(Path(sys.prefix) / "solcx")]
    candidates = [Path(folder) / f"solc-v{version}" for folder in folders if folder]
    return next((path for path in candidates if path.exists()), root / "toolchain" / "solc")


def _entries(root: Path) -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((root / "contracts" / folder).rglob("*.sol")):
            yield path.relative_to(root).as_posix()
    yield from DEPENDENCIES


def _input_hash(closure: Mapping[str, str], settings: Settings) -> str:
    content = json.dumps([settings.version, settings.standard_json(), OUTPUTS, closure], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _load(
    folder: Path, entries: Mapping[str, Iterable[str]], hashes: Mapping[str, str]
) -> dict[str, Artifact]:
    """The artifacts on disk that are still what a compile would give."""
    found = {}
    for entry, names in entries.items():
        for name in names:
            path = folder / f"{name}.json"
            if path.is_file() and (data := json.loads(path.read_text()))["inputHash"] == hashes[entry]:
                found[name] = Artifact.from_json(data)
    return found


def _compile_all(
    root: Path, settings: Settings, sources: Sources, stale: Mapping[str, str]
) -> Iterator[list[Artifact]]:
    """Compile in as many processes as there are cores; report all that fails, after keeping all that
    compiles.
    """
    if not stale:
        return
    failures = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = [pool.submit(_compile, root, settings, sources, *item) for item in stale.items()]
        for run in runs:
            if (error := run.exception()) is None:
                yield run.result()
            elif isinstance(error, BuildError):
                failures.append(str(error))
            else:
                raise error
    if failures:
        raise BuildError("\n".join(dict.fromkeys(failures)))


def _compile(root: Path, settings: Settings, sources: Sources, entry: str, input_hash: str) -> list[Artifact]:
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.closure(entry).items()},
        "settings": {**settings.standard_json(), "outputSelection": {entry: {"*": OUTPUTS}}},
    }
    compiler = compiler_path(settings.version, root)
    run = subprocess.run(
        [compiler, "--standard-json"], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise BuildError(f"{compiler} failed on {entry}: {run.stderr.strip()}")
    answer = json.loads(run.stdout)
    complaints = [
        message["formattedMessage"].rstrip()
        for message in answer.get("errors", [])
        if message["severity"] == "error"
        # A warning in a dependency is its authors' business, one in our own sources is an error.
        or message.get("sourceLocation", {}).get("file", "").startswith("contracts/")
    ]
    if complaints:
        raise BuildError("\n".join(complaints))
    artifacts = []
    for name in sources.contracts(entry):
        output = answer["contracts"][entry][name]
        version = json.loads(output["metadata"])["compiler"]["version"]
        if not version.startswith(f"{settings.version}+"):
            raise BuildError(f"{compiler} is version {version}, ape-config.yaml asks for {settings.version}")
        evm = output["evm"]
        artifacts.append(
            Artifact(
                name=name,
                source_path=entry,
                abi=output["abi"],
                bytecode=bytes.fromhex(evm["bytecode"]["object"]),
                runtime_bytecode=bytes.fromhex(evm["deployedBytecode"]["object"]),
                immutable_references=evm["deployedBytecode"]["immutableReferences"],
                storage_layout=output["storageLayout"],
                method_identifiers=evm["methodIdentifiers"],
                metadata=output["metadata"],
                input_hash=input_hash,
                compiler=version,
            )
        )
    return artifacts


def _discard_stale_ape_build(root: Path, settings: Settings) -> None:
    """Remove ape's own cache when anything it should depend on has changed since the last look."""
    release = root / "node_modules" / "@openzeppelin" / "contracts" / "package.json"
    files = [*sorted((root / "contracts").rglob("*.sol")), release]
    content = {path.relative_to(root).as_posix(): path.read_text() for path in files}
    current = _input_hash(content, settings)
    stamp = root / ".build" / "ape-inputs"
    if not stamp.is_file() or stamp.read_text() != current:
        (root / ".build" / "__local__.json").unlink(missing_ok=True)
        _write(stamp, current)


def _abi_order(entry: Mapping[str, Any]) -> str:
    kinds = ("constructor", "receive", "fallback", "function", "event", "error")
    return f"{kinds.index(entry['type'])} {entry.get('name', '')} {json.dumps(entry.get('inputs', []))}"


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m goldthread.build", description="Compile what changed.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="contracts to compile (default: all)")
    parser.add_argument("--force", action="store_true", help="compile even what did not change")
    parser.add_argument("--abis", action="store_true", help="rewrite goldthread/abi/")
    parser.add_argument("--check-abis", action="store_true", help="fail when goldthread/abi/ is out of date")
    options = parser.parse_args(arguments)
    try:
        ensure_built(options.names or None, force=options.force)
        different = export_abis(check=options.check_abis) if options.abis or options.check_abis else []
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check_abis and different:
        print(f"out of date in goldthread/abi: {', '.join(different)}; run `make abis`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
