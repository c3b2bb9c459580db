# A server on the CPU, with the embedded models in it. Adapters live in the volume.
FROM python:3.12-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/bluey

# The dependencies first: they change less often than the code.
COPY requirements/base.txt requirements/dev.txt requirements/
ARG LOCK=base
RUN pip install --require-hashes -r requirements/${LOCK}.txt

# The OpenBLAS that MLX will call, its symbols renamed, beside its package: bluey looks there
# first, so that a home that is new with every container costs nothing (bluey_adapters/blas.py).
COPY adapters adapters
COPY data data
RUN PYTHONPATH=adapters:data python -c "import importlib.util, pathlib; from bluey_adapters.blas import load_blas; \
        place = pathlib.Path(importlib.util.find_spec('scipy_openblas32').origin).parent / 'lib'; \
        blas = load_blas(place); print(blas); assert blas.kind == 'packaged', blas"

COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY admin admin
# The back end only builds the wheel, and leaves again; its version is pinned in pyproject.toml.
RUN pip install --no-deps . && rm -rf build

RUN useradd --create-home --uid 10001 bluey && mkdir /home/bluey/.bluey && chown bluey /home/bluey/.bluey
USER bluey
ENV BLUEY_HOME=/home/bluey/.bluey
VOLUME /home/bluey/.bluey
EXPOSE 25839
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:25839/health', timeout=2)"]
STOPSIGNAL SIGTERM
# Within a container every address is the container's: who can reach it is for `-p` to say. Keys, by
# BLUEY_API_KEY or `bluey-admin keys`, are asked for all the same.
CMD ["bluey-server", "--host", "0.0.0.0", "--insecure", "--preload", "it"]
