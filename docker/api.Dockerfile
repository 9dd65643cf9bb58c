# The code and what all of its processes need: API, relay, management commands, host agent. Every
# other image adds its packages to this one.
ARG BUILDER=academy-builder:dev
ARG BASE=academy-base:dev

FROM ${BUILDER} AS packages
WORKDIR /build
COPY requirements/base.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv install.sh base

FROM packages AS code
WORKDIR /app
COPY celeryconfig.py manage.py ./
COPY academy academy
COPY tasks tasks
COPY docker/entrypoint.py docker/
# Static files get their names from their content here; a container only reads them.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash academy tasks . \
    && placeholders.sh /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM ${BASE}
COPY --from=packages /added/ /opt/venv/
COPY --from=code /app /app
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
USER 0
RUN --mount=type=bind,source=docker,target=/mnt/docker \
    ln -s /app/docker/entrypoint.py /usr/local/bin/academy \
    && python /mnt/docker/sbom.py --name academy-api --version "${VERSION}" /usr/share/academy/sbom.cdx.json
USER 10001:10001
ENV DJANGO_SETTINGS_MODULE=academy.settings.production \
    RELEASE=${VERSION} \
    BIND=0.0.0.0:8000 \
    SCRATCH_DIR=/scratch \
    MODEL_CACHE_DIR=/scratch/model-cache
EXPOSE 8000
ENTRYPOINT ["/usr/bin/tini", "--", "academy"]
CMD ["api"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["academy", "health"]
LABEL org.opencontainers.image.title="academy-api" \
      org.opencontainers.image.description="API, relay and management commands of the academy platform" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
