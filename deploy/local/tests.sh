#!/usr/bin/env bash
# The whole suite, or the part that is named: tests.sh PYTHON [TESTS...]
set -euo pipefail
python=$1
shift
# Most workers of the tests load no model: those that do say so.
export MODEL_WARM_START="${MODEL_WARM_START:-0}"
parallel=(-n 3 --dist loadfile --no-loadscope-reorder --durations=25)
if (($#)); then
    exec "$python" -m pytest "${parallel[@]}" "$@"
fi
# Lectures play in real time: beside much else they would measure the machine and not the code.
alone=(tests/acceptance/test_player_browser.py tests/acceptance/test_player_packaging.py)
failed=0
"$python" -m pytest "${parallel[@]}" --ignore=tests/unit "${alone[@]/#/--ignore=}" || failed=1
# What needs little of the machine runs beside them, and is told after them.
said=$(mktemp)
"$python" -m pytest -n 1 tests/unit >"$said" 2>&1 &
unit=$!
trap 'kill $(jobs -p) 2>/dev/null || true; rm -f "$said"' EXIT
"$python" -m pytest "${alone[@]}" || failed=1
wait "$unit" || failed=1
cat "$said"
exit "$failed"
