# Flower on the platform's events queue.
ARG BUILDER=academy-builder:dev
ARG API=academy-api:dev

FROM ${API} AS api

FROM ${BUILDER} AS packages
WORKDIR /build
COPY --from=api /opt/venv /opt/venv
COPY requirements/flower.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv install.sh flower

FROM api
ARG VERSION=dev
USER 0
COPY --from=packages /added/ /opt/venv/
RUN --mount=type=bind,source=docker,target=/mnt/docker \
    python /mnt/docker/sbom.py --name academy-flower --version "${VERSION}" /usr/share/academy/sbom.cdx.json
USER 10001:10001
ENV FLOWER_ADDRESS=0.0.0.0
EXPOSE 5555
CMD ["flower"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["academy", "health"]
LABEL org.opencontainers.image.title="academy-flower" \
      org.opencontainers.image.description="Live workers and tasks of the academy platform"
