#!/bin/sh
# Shows hasten on a small service: a copy in a temporary directory is rewritten, tested, and taken back.
# Run it as `make demo`. The first `python` on PATH must have hasten and pytest.
set -eu

demo=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Journal, cache and what the tests write go there too, so that nothing is left behind.
mkdir "$work/tmp"
export HASTEN_STATE_DIR="$work/state" HASTEN_CACHE_DIR="$work/cache" TMPDIR="$work/tmp"
export PYTHONDONTWRITEBYTECODE=1
# The service's tests need no plugin, whatever is installed beside pytest.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1

hasten() {
    python -m hasten "$@"
}

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

mkdir "$work/service"
cp -R "$demo/agent_memory" "$demo/tests" "$demo/pyproject.toml" "$work/service/"
cp -R "$work/service" "$work/before"
cd "$work/service"

untouched() {
    printf '\nNothing may differ from the copy that we started with:\n'
    show diff -r "$work/before" "$work/service"
    echo "Nothing differs."
}

echo "A copy of docs/demo, a small service that talks JSON to a model and keeps JSON files."
show hasten preview agent_memory
show hasten apply agent_memory
printf '\nIts own tests, on the rewritten code:\n'
show python -m pytest -q -p no:cacheprovider
show hasten undo
untouched

printf '\nIts desk answers several agents from one event loop, which stands still while SQLite works.\n'
show hasten apply --unsafe --select sqlite3-to-aiosqlite agent_memory
printf '\nIts own tests, on the rewritten code:\n'
show python -m pytest -q -p no:cacheprovider
show hasten undo
untouched
