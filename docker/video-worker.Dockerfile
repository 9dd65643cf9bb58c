# Workers of the queue video: the code, static builds of ffmpeg and ffprobe, bubblewrap around them.
ARG BUILDER=academy-builder:dev
ARG API=academy-api:dev

FROM ${API} AS api

FROM ${BUILDER} AS packages
WORKDIR /build
COPY --from=api /opt/venv /opt/venv
COPY requirements/media.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv install.sh media

FROM api
ARG VERSION=dev
ARG QUEUES=video
USER 0
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=packages /added/ /opt/venv/
RUN --mount=type=bind,source=docker,target=/mnt/docker \
    echo "${QUEUES}" > /usr/share/academy/queues \
    && /mnt/docker/placeholders.sh python /mnt/docker/imports.py \
    && python /mnt/docker/sbom.py --name academy-video-worker --version "${VERSION}" /usr/share/academy/sbom.cdx.json
USER 10001:10001
CMD ["worker", "video"]
HEALTHCHECK --interval=30s --timeout=20s --start-period=90s --retries=3 CMD ["academy", "health"]
LABEL org.opencontainers.image.title="academy-video-worker" \
      org.opencontainers.image.description="Encodes lectures of the academy platform"
