# What every image stands on, and `builder`, which installs packages for them and is never run.
# Both architectures: `make build` builds for the one it runs on, PLATFORM= names another.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
COPY requirements/uv.txt requirements/
RUN python3.11 -m venv /opt/tools \
    && /opt/tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r requirements/uv.txt
COPY docker/install.sh docker/placeholders.sh /usr/local/bin/

FROM ${PYTHON_IMAGE} AS base
# tini is process 1: it hands SIGTERM to the one process below it and buries the children of
# ffmpeg's and the pool's processes, which nobody else would.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && groupadd --gid 10001 academy \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin academy \
    && mkdir -p /app /models /scratch /usr/share/academy \
    && chown 10001:10001 /scratch
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8 \
    HOME=/tmp
WORKDIR /app
# Everything else of the file system may be read-only; where /tmp is no tmpfs it is a volume. Fargate
# has volumes alone, and gives a volume to the user only where the image declares it.
VOLUME ["/scratch", "/tmp"]
USER 10001:10001
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="academy-base" \
      org.opencontainers.image.description="What the images of the academy platform stand on" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
