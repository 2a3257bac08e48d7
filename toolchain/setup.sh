#!/bin/sh
# Everything the project needs, from the package registries alone: a virtual environment with the locked Python
# packages, the node packages at exact versions, and links to the native tools. Does nothing, and says nothing, when
# what was installed last is what is asked for now. With the argument `prove`, the environment of `make prove` as well.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE # without bytecode caches every start of ape takes twice as long

# The stamp of a step is a copy of its inputs, so a step runs again exactly when one of them has changed.
unchanged() {
    stamp=$1
    shift
    [ -f "$stamp" ] && cat "$@" | cmp -s - "$stamp"
}

python=
for candidate in python3 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup: Python 3.11 or 3.12 is needed (one of eth-ape's dependencies has no wheels for later ones)" >&2
    exit 1
fi
if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    echo "setup: Node 20 or later is needed" >&2
    exit 1
fi

# What an installer says matters only when it fails.
silently() {
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

install() { # a virtual environment and its locked packages
    [ -x "$1/bin/python" ] || silently "$python" -m venv "$1"
    silently "$1/bin/python" -m pip install --require-hashes --requirement "$2"
}

if ! unchanged .venv/.inputs pyproject.toml requirements/dev.txt toolchain/setup.sh; then
    echo "setup: Python packages"
    install .venv requirements/dev.txt
    silently .venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
    # ape-solidity asks py-solc-x for its compiler, which looks in this folder.
    if ! grep -q SOLCX_BINARY_PATH .venv/bin/activate; then
        printf '\nSOLCX_BINARY_PATH="$VIRTUAL_ENV/solcx"\nexport SOLCX_BINARY_PATH\n' >>.venv/bin/activate
    fi
    cat pyproject.toml requirements/dev.txt toolchain/setup.sh >.venv/.inputs
fi

if [ "${1:-}" = prove ] && ! unchanged .venv-prove/.inputs requirements/prove.txt; then
    echo "setup: Python packages of the proofs"
    install .venv-prove requirements/prove.txt
    cat requirements/prove.txt >.venv-prove/.inputs
fi

if ! unchanged node_modules/.inputs package.json; then
    echo "setup: node packages"
    # No lock file: one written against a registry that lacks some platforms' packages breaks `npm ci` on those.
    silently npm install --no-audit --no-fund --no-package-lock
    cat package.json >node_modules/.inputs
fi

# The launchers in node_modules/.bin exit 0 on failure and orphan their child when killed: use the tools themselves.
for tool in anvil forge; do
    native=$(find "$PWD/node_modules/@foundry-rs" -path "*/$tool-*/bin/$tool*" -type f | head -n 1)
    if [ -z "$native" ]; then
        echo "setup: @foundry-rs/$tool has no binary for this platform" >&2
        exit 1
    fi
    [ "$(readlink ".venv/bin/$tool" || true)" = "$native" ] || ln -sf "$native" ".venv/bin/$tool"
done

# py-solc-x, and through it ape, takes the compiler from this folder. A native one of the same version that py-solc-x has
# installed before is preferred: the same bytecode, sooner. It gets this project as an include path, as toolchain/solc
# does, because ape compiles a copy of contracts/ in a temporary folder, without node_modules/.
version=$(sed -n 's/^  version: *//p' ape-config.yaml)
native=$HOME/.solcx/solc-v$version
mkdir -p .venv/solcx
if [ -x "$native" ] && "$native" --version 2>/dev/null | grep "^Version: $version+" | grep -qv Emscripten; then
    rm -f ".venv/solcx/solc-v$version"
    cat >".venv/solcx/solc-v$version" <<END
#!/bin/sh
case " \$* " in
*" --base-path $PWD "*) ;;
*" --base-path "*) set -- "\$@" --include-path "$PWD" ;;
esac
exec "$native" "\$@"
END
    chmod +x ".venv/solcx/solc-v$version"
elif [ "$(readlink ".venv/solcx/solc-v$version" || true)" != "$PWD/toolchain/solc" ]; then
    ln -sf "$PWD/toolchain/solc" ".venv/solcx/solc-v$version"
fi
