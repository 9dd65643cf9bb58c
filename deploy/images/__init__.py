"""Building and checking the container images: `make build`, `make build-check`.

table.py      docker/images.yaml, typed
release.py    what the images are made from: version, revision, time, source
engine.py     docker, podman or buildah, whichever works
build.py      `make build`
standin.py    a base image without a registry, by debootstrap
container.py  starts an image's processes the way production does, without an engine
jobs.py       one real job for each worker image
check.py      `make build-check`
"""
