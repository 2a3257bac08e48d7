"""Change a contract in every small way and see that a test fails.

    python -m tests.mutation.mutate [CONTRACT ...]      all contracts of targets.py by default
        --list                                          only list the mutants
        --sample N                                      try N of them, spread evenly; the table says so
        --table [FILE]                                  print the score table, or replace it in a document

A mutant that no compiler accepts is stillborn; one whose bytecode is that of the original is equivalent; one
listed in `<Contract>.ignore`, with its reason, is ignored. All others must make a test fail: the score is the
share that does, and a contract with less than 95 % fails the run. The results are written to
`reports/<Contract>.json`.

The working tree is never touched: a mutant's bytecode goes to the tests in a file named by $MUTANT_ARTIFACTS.
It is compiled without the optimizer and, where that can be done, without via-IR, 5 to 20 times as fast; the
unmutated contract has to pass its tests compiled the same way. Bytecode is kept in .build/mutants/, so that a
second run, with better tests, only runs tests.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import io
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from goldthread.build import ROOT, Settings, Sources
from tests.support.contract import artifact_of
from tests.support.nodes import fresh

from .operators import Mutant, enums_of, mutants_of
from .targets import TARGETS, Target

HERE = Path(__file__).parent
MINIMUM_SCORE = 0.95
TABLE = re.compile(r"(<!-- mutation table -->\n).*?(<!-- end of mutation table -->)", re.DOTALL)

Bytecode = dict[str, str]
"""Creation bytecode, in hex, by contract name."""


class Compiler:
    """A solc process that stays, compiling as fast as the sources allow."""

    def __init__(self, target: Target) -> None:
        settings = Settings.load()
        self._target = target
        self._sources = Sources(ROOT, settings.remappings)
        self._settings = settings.standard_json() | {
            "viaIR": False,
            "optimizer": {"enabled": False},
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
        }
        # Without --liftoff-only: a process that compiles thousands of times gains by optimised WebAssembly.
        command = ["node", "--stack-size=4000", str(ROOT / "toolchain" / "solcd.js")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        original = self.compile({})
        if original is None:
            self._settings["viaIR"] = True  # the stack is too deep for the direct code generator
            original = self.compile({})
        if original is None:
            raise SystemExit(f"without a mutant, {', '.join(target.entries)} do not compile")
        self.original = original

    def compile(self, changed: Mapping[str, str]) -> Bytecode | None:
        """The bytecode with some files changed, None when it does not compile."""
        bytecode: Bytecode = {}
        for entry in self._target.entries:
            closure = self._sources.closure(entry)
            answer = self._cached({name: changed.get(name, text) for name, text in closure.items()}, entry)
            if not answer:
                return None
            bytecode.update(answer)
        return bytecode

    def _cached(self, sources: Mapping[str, str], entry: str) -> Bytecode:
        request = {
            "language": "Solidity",
            "sources": {name: {"content": text} for name, text in sources.items()},
            "settings": {**self._settings, "outputSelection": {entry: {"*": ["evm.bytecode.object"]}}},
        }
        line = json.dumps(request)
        path = ROOT / ".build" / "mutants" / _digest(line)
        if path.is_file():
            known: Bytecode = json.loads(zlib.decompress(path.read_bytes()))
            return known
        bytecode = self._run(line, entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(zlib.compress(json.dumps(bytecode).encode()))
        draft.replace(path)
        return bytecode

    def _run(self, line: str, entry: str) -> Bytecode:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the compiler was started without pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if any(message["severity"] == "error" for message in answer.get("errors", [])):
            return {}
        contracts = answer["contracts"][entry]
        bytecode = {name: output["evm"]["bytecode"]["object"] for name, output in contracts.items()}
        return {name: code for name, code in bytecode.items() if code}  # not of an abstract contract


class Schedule:
    """A pytest plugin: the tests that killed other mutants come first, then the quick ones."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.results: Path | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """With -x a mutant is as quick as the first test that kills it."""
        items.sort(key=lambda item: (-self.kills[item.nodeid], self.seconds.get(item.nodeid, 0.0)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line a test: killed or not, how long, which."""
        if self.results is not None and (report.failed or report.when == "call"):
            with self.results.open("a") as file:
                print(int(report.failed), report.duration, report.nodeid, file=file)

    def learn(self, results: Path) -> None:
        """Take in the lines that a run wrote."""
        for line in results.read_text().splitlines():
            killed, seconds, test = line.split(" ", 2)
            self.kills[test] += int(killed)
            self.seconds.setdefault(test, float(seconds))


class Tests:
    """The tests of a contract, loaded once and run for each mutant in a fork of this process."""

    def __init__(self, target: Target, contracts: Iterable[str]) -> None:
        self._abis = {name: artifact_of(name).abi for name in contracts}
        self._arguments = ["-x", "-q", "-p", "no:ape_test", "-p", "no:cacheprovider", *target.test_files()]
        self._schedule = Schedule()
        # What every run needs is loaded here, once, and shared with the forks: the test files with all they
        # import, the accounts, the other contracts' artifacts.
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = pytest.main(["--collect-only", *self._arguments])
        if status != pytest.ExitCode.OK:
            raise SystemExit(output.getvalue())
        fresh()
        for path in (ROOT / ".build" / "artifacts").glob("*.json"):
            artifact_of(path.stem)
        gc.freeze()

    def run(self, bytecode: Bytecode, timeout: float, silent: bool = True) -> str:
        """ "killed", "survived" or "timeout"."""
        artifacts = {
            n: {"abi": self._abis[n], "bytecode": code} for n, code in bytecode.items() if n in self._abis
        }
        with tempfile.TemporaryDirectory(prefix="goldthread-mutant-") as name:
            folder = Path(name)
            (folder / "artifacts.json").write_text(json.dumps(artifacts))
            (folder / "results").touch()
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                os.environ["MUTANT_ARTIFACTS"] = str(folder / "artifacts.json")
                self._schedule.results = folder / "results"
                if silent:
                    null = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(null, 1)
                    os.dup2(null, 2)
                os._exit(pytest.main(self._arguments, [self._schedule]))
            status = _wait(child, timeout)
            self._schedule.learn(folder / "results")
        if status is None:
            return "timeout"
        return "survived" if status == pytest.ExitCode.OK else "killed"


def _wait(child: int, timeout: float) -> int | None:
    """Exit status of a child; None when it had to be killed."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Worker:
    """One process's compiler and tests, and what the unmutated contract gives with them."""

    current: Worker

    def __init__(self, target: Target) -> None:
        self.compiler = Compiler(target)
        self.original = self.compiler.original
        self.tests = Tests(target, self.original)
        start = time.monotonic()
        if self.tests.run(self.original, timeout=3600) != "survived":
            self.tests.run(self.original, timeout=3600, silent=False)
            raise SystemExit("the tests fail without a mutant")
        self.timeout = 20 + 10 * (time.monotonic() - start)

    @classmethod
    def start(cls, name: str) -> None:
        """Prepare this process."""
        cls.current = cls(TARGETS[name])

    @classmethod
    def verdict(cls, mutant: Mutant, source: str) -> tuple[Mutant, str]:
        """What became of a mutant of this source."""
        worker = cls.current
        bytecode = worker.compiler.compile({mutant.file: mutant.apply(source)})
        if bytecode is None:
            return mutant, "stillborn"
        if bytecode == worker.original:
            return mutant, "equivalent"
        return mutant, worker.tests.run(bytecode, worker.timeout)


@dataclass
class Report:
    """The outcome for one contract, as kept in reports/."""

    contract: str
    sources: dict[str, str]
    verdicts: dict[str, int]
    operators: dict[str, dict[str, int]]
    survivors: list[dict[str, Any]]
    score: float
    population: int
    """All mutants there are; more than there are verdicts, if a sample was tried."""

    @classmethod
    def of(
        cls,
        contract: str,
        sources: Mapping[str, str],
        results: Sequence[tuple[Mutant, str]],
        population: int,
    ) -> Report:
        """Count the verdicts."""
        verdicts = Counter(verdict for _, verdict in results)
        operators: dict[str, Counter[str]] = {}
        for mutant, verdict in results:
            operators.setdefault(mutant.operator, Counter())[verdict] += 1
        killed = verdicts["killed"] + verdicts["timeout"]
        return cls(
            contract=contract,
            sources={name: _digest(text) for name, text in sources.items()},
            verdicts=dict(sorted(verdicts.items())),
            operators={name: dict(sorted(counts.items())) for name, counts in sorted(operators.items())},
            survivors=[asdict(mutant) for mutant, verdict in results if verdict == "survived"],
            score=round(killed / max(1, killed + verdicts["survived"]), 4),
            population=population,
        )

    def write(self) -> None:
        """Keep it."""
        path = HERE / "reports" / f"{self.contract}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ignored(contract: str, mutants: Sequence[Mutant]) -> set[str]:
    """The ids of `<Contract>.ignore`: `<id> <reason>` a line, of mutants that exist."""
    path = HERE / f"{contract}.ignore"
    lines = path.read_text().splitlines() if path.is_file() else []
    found = set()
    known = {mutant.id for mutant in mutants}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        identifier, _, reason = line.partition(" ")
        if identifier not in known:
            raise SystemExit(f"{path}:{number}: there is no mutant {identifier} (any more)")
        if not reason.strip():
            raise SystemExit(f"{path}:{number}: say why {identifier} cannot be told from the original")
        found.add(identifier)
    return found


def closure_of(target: Target) -> dict[str, str]:
    """All that is compiled for a target."""
    sources = Sources(ROOT, Settings.load().remappings)
    return {name: text for entry in target.entries for name, text in sources.closure(entry).items()}


def mutants_of_target(target: Target, closure: Mapping[str, str]) -> list[Mutant]:
    """Every mutant of the target's sources."""
    enums = enums_of(text for name, text in closure.items() if name.startswith("contracts/"))
    return [mutant for source in target.sources for mutant in mutants_of(source, closure[source], enums)]


def run(contract: str, sample: int | None, jobs: int) -> Report:
    """Try the mutants of a contract; survivors are printed as they are found."""
    target = TARGETS[contract]
    closure = closure_of(target)
    mutants = mutants_of_target(target, closure)
    population = len(mutants)
    skip = ignored(contract, mutants)
    if sample is not None and sample < len(mutants):
        mutants = [mutants[i * len(mutants) // sample] for i in range(sample)]
    results = [(mutant, "ignored") for mutant in mutants if mutant.id in skip]
    trying = [mutant for mutant in mutants if mutant.id not in skip]
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, processes, Worker.start, (contract,)) as pool:
        runs = [pool.submit(Worker.verdict, mutant, closure[mutant.file]) for mutant in trying]
        for done, finished in enumerate(as_completed(runs), 1):
            mutant, verdict = finished.result()
            results.append((mutant, verdict))
            if verdict == "survived":
                print(f"survived {mutant}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{contract}: {done} of {len(trying)} ", end="", file=sys.stderr, flush=True)
    if closure_of(target) != closure:
        raise SystemExit(f"{contract} was edited while it was mutated: the results mean nothing")
    order = {mutant.id: number for number, mutant in enumerate(mutants)}
    results.sort(key=lambda result: order[result[0].id])
    return Report.of(contract, {name: closure[name] for name in target.sources}, results, population)


def reports() -> Iterator[Report]:
    """What is in reports/, in the order of the targets."""
    for contract in TARGETS:
        path = HERE / "reports" / f"{contract}.json"
        if path.is_file():
            yield Report(**json.loads(path.read_text()))


def table() -> str:
    """The scores of all reports, in Markdown."""
    rows = [
        "| contract | mutants | killed | survived | ignored, explained | equivalent | stillborn | score |"
    ]
    rows.append("|---|---:|---:|---:|---:|---:|---:|---:|")
    for report in reports():
        count = Counter(report.verdicts)
        tried = count.total()
        numbers = [
            tried if tried == report.population else f"{tried} of {report.population}",
            count["killed"] + count["timeout"],
            *(count[verdict] for verdict in ("survived", "ignored", "equivalent", "stillborn")),
        ]
        cells = " | ".join(map(str, numbers))
        current = all(_digest((ROOT / name).read_text()) == known for name, known in report.sources.items())
        name = report.contract if current else f"{report.contract} (edited since)"
        rows.append(f"| {name} | {cells} | {report.score:.1%} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Change a contract in every small way and see that a test fails."
    )
    parser.add_argument("contracts", nargs="*", metavar="CONTRACT", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of them, spread evenly")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--table", nargs="?", const="-", metavar="FILE", help="print the table or put it into FILE"
    )
    options = parser.parse_args()
    if unknown := set(options.contracts).difference(TARGETS):
        parser.error(f"no target called {', '.join(sorted(unknown))}")
    if options.table == "-":
        print(table(), end="")
        return 0
    if options.table:
        path = Path(options.table)
        path.write_text(TABLE.sub(lambda match: match.group(1) + table() + match.group(2), path.read_text()))
        return 0
    failed = False
    for contract in options.contracts or TARGETS:
        if options.list:
            target = TARGETS[contract]
            print(*mutants_of_target(target, closure_of(target)), sep="\n")
            continue
        report = run(contract, options.sample, options.jobs)
        counts = ", ".join(f"{number} {verdict}" for verdict, number in report.verdicts.items())
        print(f"{contract}: {report.score:.1%} killed ({counts})", flush=True)
        report.write()
        failed = failed or report.score < MINIMUM_SCORE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
