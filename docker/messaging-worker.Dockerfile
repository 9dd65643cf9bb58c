# Workers of the queue messaging: nothing but the code.
ARG API=academy-api:dev

FROM ${API}
ARG VERSION=dev
ARG QUEUES=messaging
USER 0
RUN --mount=type=bind,source=docker,target=/mnt/docker \
    echo "${QUEUES}" > /usr/share/academy/queues \
    && /mnt/docker/placeholders.sh python /mnt/docker/imports.py \
    && python /mnt/docker/sbom.py --name academy-messaging-worker --version "${VERSION}" /usr/share/academy/sbom.cdx.json
USER 10001:10001
CMD ["worker", "messaging"]
HEALTHCHECK --interval=30s --timeout=20s --start-period=90s --retries=3 CMD ["academy", "health"]
LABEL org.opencontainers.image.title="academy-messaging-worker" \
      org.opencontainers.image.description="Sends messages of the academy platform"
