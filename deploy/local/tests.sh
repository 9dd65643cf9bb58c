#!/usr/bin/env bash
# The whole suite, or the part that is named: tests.sh PYTHON [TESTS...]
set -euo pipefail
python=$1
shift
if (($#)); then
    exec "$python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"
fi
# Pictures and encoders in real time: beside others they would measure the machine and not the code.
alone=(tests/acceptance/test_player_browser.py tests/acceptance/test_player_packaging.py
    tests/acceptance/test_lecture_faults.py)
"$python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder "${alone[@]/#/--ignore=}"
"$python" -m pytest "${alone[@]}"
