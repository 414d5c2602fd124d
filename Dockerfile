# SongBloom Next-Gen X2: the studio (web page and HTTP API) in a container.
#   docker build --target cpu -t songbloom-x2:cpu .
#   docker build --target cuda -t songbloom-x2:cuda .
#   docker run --rm -p 127.0.0.1:8000:8000 -v songs:/data songbloom-x2:cpu
# The server listens beyond the container, so it asks for API keys: docker compose run --rm studio keys create --help

ARG PYTHON=3.11.13
ARG DEBIAN=bookworm
ARG CUDA=12.8.1

# The wheel, built apart, so that compilers and sources stay out of the images that run.
FROM python:${PYTHON}-slim-${DEBIAN} AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim-${DEBIAN} AS cpu
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /wheels
RUN python -m venv /opt/songbloom \
    && /opt/songbloom/bin/pip install --constraint /tmp/constraints.txt --extra-index-url "${TORCH_INDEX}" \
        "$(echo /wheels/*.whl)[zh,ui,server]" \
    && rm -rf /wheels /tmp/constraints.txt
RUN groupadd --gid 10001 songbloom \
    && useradd --create-home --uid 10001 --gid 10001 songbloom \
    && install -d -o songbloom -g songbloom /data
ENV PATH=/opt/songbloom/bin:$PATH SONGBLOOM_JOBS_DATA_DIR=/data SONGBLOOM_SERVER_HOST=0.0.0.0
USER 10001:10001
WORKDIR /home/songbloom
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["songbloom"]
CMD ["serve", "--port", "8000"]

FROM nvidia/cuda:${CUDA}-runtime-ubuntu24.04 AS cuda
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ARG TORCH_INDEX=https://download.pytorch.org/whl/cu128
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /wheels
RUN python3 -m venv /opt/songbloom \
    && /opt/songbloom/bin/pip install --constraint /tmp/constraints.txt --extra-index-url "${TORCH_INDEX}" \
        "$(echo /wheels/*.whl)[zh,ui,server]" \
    && rm -rf /wheels /tmp/constraints.txt
RUN groupadd --gid 10001 songbloom \
    && useradd --create-home --uid 10001 --gid 10001 songbloom \
    && install -d -o songbloom -g songbloom /data
ENV PATH=/opt/songbloom/bin:$PATH SONGBLOOM_JOBS_DATA_DIR=/data SONGBLOOM_SERVER_HOST=0.0.0.0
USER 10001:10001
WORKDIR /home/songbloom
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["songbloom"]
CMD ["serve", "--port", "8000"]
