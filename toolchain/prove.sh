#!/bin/sh
# Static analysis and proofs, with the tools of requirements/prove.txt.
#
# slither must be silent. slither.config.json leaves out some of its detectors, for all contracts, and nothing else:
#   timestamp            deadlines, expiries and intervals are what these contracts are about; a validator moves a
#                        block's time by seconds, and no rule here turns on seconds
#   calls-loop           the external call in a batch is to the Consortium, our own contract, fixed at deployment;
#                        the caller pays for the loop and can only fail their own batch
#   cyclomatic-complexity a number, not a finding; the one function above it is a loop that asks each rule in turn
#   reentrancy-benign,   external calls are to our own contracts, fixed at deployment, which call nobody back; where
#   reentrancy-events    money leaves, the detectors for that (reentrancy-eth, reentrancy-no-eth) stay on
#   uninitialized-local  a counter that starts at zero is declared, not assigned
#   assembly             a few places of a few lines, memory-safe and compared with Python: words hashed and passed on
#                        as they lie in calldata, the longest loops, the first bytes of what a schema's rule answers,
#                        and an array in memory cut to its length
#   unused-return        modules answer with an organisation or an id that not every caller needs, and revert where it
#                        matters; tokens go through SafeERC20
#   too-many-digits      masks of words, and a table of weights that is compared with Python
#   naming-convention    immutables that are read from outside are written in capitals, as constants are
# A finding that is right in general and wrong in one place is marked there: `// slither-disable-next-line` and why.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv-prove/bin:$PWD/.venv/bin:$PATH

echo "slither"
report=$(mktemp)
trap 'rm -f "$report"' EXIT
slither . --config-file slither.config.json >"$report" 2>&1 || {
    cat "$report"
    exit 1
}
# On a project that it cannot compile slither analyses nothing, and is content.
grep -Eq 'analyzed \([1-9][0-9]* contracts' "$report" || {
    cat "$report"
    echo "no contract was analyzed" >&2
    exit 1
}
grep -E 'analyzed \(' "$report"

if [ -d proofs ]; then
    echo "proofs: halmos and z3"
    .venv-prove/bin/python -m pytest -q proofs
fi
